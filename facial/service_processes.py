"""What a service is made of, each a process of its own that uWSGI or the supervisor starts by a command."""

import os
import signal
import uuid
from typing import Any

import click

from constants.exceptions import FacialError
from constants.settings import Settings, load_settings


def _of_a_service(command: Any) -> Any:
    """Options that the supervisor gives to a process; where it is started by hand it needs none."""
    for option in (
        click.option("--pulse", nargs=2, type=int, metavar="FD PLACE", help="Where it says that it lives"),
        click.option("--name", help="What it is called, such as encode-0:RUN:1; a new name by default"),
        # Said by the supervisor: one that dies while this process loads would else be missed.
        click.option("--parent", type=int, help="End when this process is gone"),
    ):
        command = option(command)
    return command


@click.command(hidden=True)
@click.option("--service", type=int, help="uWSGI's process, told to start anew where this cannot start")
def workers(service: int | None) -> None:
    """Run the dispatcher and the workers, for app.ini."""
    from jobs.processes.supervisor import supervise
    from logger import log_uncaught

    log_uncaught()
    try:
        supervise(own_settings())
    except FacialError:
        if service is None:
            raise
        # uWSGI would start this again for ever. So all of it starts again, and `prepare` says once what is wrong.
        os.kill(service, signal.SIGHUP)


@click.command(hidden=True)
def prepare() -> None:
    """Make the tables and the networks' graphs in the data folder."""
    from jobs.processes.preparing import prepare as prepare_all

    prepare_all(own_settings())


@click.command(hidden=True)
@_of_a_service
def dispatcher(parent: int | None, name: str | None, pulse: tuple[int, int] | None) -> None:
    """Run the dispatcher alone."""
    from jobs.processes.dispatcher import run_dispatcher

    parent = parent or os.getppid()
    run = _joined("dispatcher", parent, name, pulse).split(":")[1]
    run_dispatcher(own_settings(), run, parent)


@click.command(hidden=True)
@click.argument("kind", type=click.Choice(["encode", "train"]))
@click.argument("slot")
@_of_a_service
def worker(kind: str, slot: str, parent: int | None, name: str | None, pulse: tuple[int, int] | None) -> None:
    """Run one worker alone, in a SLOT such as encode-0."""
    from jobs.processes.worker import run_worker
    from jobs.table.tables import TaskKind

    parent = parent or os.getppid()
    run_worker(own_settings(), TaskKind(kind), slot, _joined(slot, parent, name, pulse), parent)


@click.command(hidden=True)
@_of_a_service
def sender(parent: int | None, name: str | None, pulse: tuple[int, int] | None) -> None:
    """Send batches of pictures to the cluster."""
    from jobs.processes.cluster_sender import run_sender

    parent = parent or os.getppid()
    run_sender(own_settings(), _joined("cluster", parent, name, pulse), parent)


def add_processes(commands: click.Group) -> None:
    """Make them commands."""
    for command in (workers, prepare, dispatcher, worker, sender):
        commands.add_command(command)


def own_settings() -> Settings:
    """The settings of a process of the service: what it writes is for its user alone."""
    os.umask(0o077)
    return load_settings()


def _joined(slot: str, parent: int, name: str | None, pulse: tuple[int, int] | None) -> str:
    """Make this process one of a service's, and give its name there."""
    from jobs.processes.parents import end_with
    from jobs.work.pulse import own
    from logger import log_uncaught

    log_uncaught()
    end_with(parent)
    if pulse:
        own.attach(*pulse)
    return name or f"{slot}:{uuid.uuid4().hex}:1"
