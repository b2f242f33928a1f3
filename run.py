#!/usr/bin/env python3
"""The command line, and the WSGI entry ``run:create_app()``."""

import argparse
import os
import runpy
import signal
import sys
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

#: The Pythons that TensorFlow has wheels for, and the oldest that the code is written for.
if not (3, 11) <= sys.version_info < (3, 14):
    sys.exit(f"This needs Python 3.11, 3.12 or 3.13, and this is {sys.version.split()[0]}: make PYTHON=python3.13 …")

from constants.exceptions import FacialError, InvalidSettings
from constants.release import VERSION
from constants.settings import load_settings
from jobs.table.build_options import BuildOptions

if TYPE_CHECKING:
    from flask import Flask

    from constants.settings import Settings

ROOT = Path(__file__).parent
#: The options of a build; without a server nothing is kept but the file.
_OPTIONS = {name: option for name, option in BuildOptions.model_fields.items() if name not in ("keep_images", "ttl_s")}


def create_app() -> "Flask":
    """The WSGI application; imported here, so that workers are free of it."""
    from app import create_app
    from logger import log_uncaught, speak_alone

    try:
        app = create_app(load_settings())
    except FacialError as error:
        sys.exit(str(error))
    log_uncaught()
    speak_alone()
    return app


def main(arguments: list[str] | None = None) -> int:
    """Run one command. What a person can mend ends with a sentence and 1, never with a traceback."""
    parsed = _parser().parse_args(arguments)
    try:
        parsed.command(parsed)
    except FacialError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="run.py", description="Build face recognizers, and use them.")
    parser.add_argument("--version", action="version", version=VERSION)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    serve = commands.add_parser("serve", help="serve over HTTP, with all processes")
    serve.set_defaults(command=_serve)

    build = commands.add_parser("build", help="build a recognizer from a folder, without a server")
    build.add_argument("folder", type=Path, help="a folder of pictures, or of a folder for each person")
    build.add_argument("--out", type=Path, help="the recognizer's file, *.zip; not needed for a dry run")
    build.add_argument("--manifest", type=Path, help="a CSV or JSON file that says which files show whom")
    build.add_argument("--label-from", choices=("folder", "filename"), default="folder", help="where a label is read")
    _add_options(build)
    build.set_defaults(command=_build)

    recognize = commands.add_parser("recognize", help="name the people in photos, without a server")
    recognize.add_argument("recognizer", type=Path, help="a recognizer's file, *.zip")
    recognize.add_argument("photos", type=Path, nargs="+", help="photos")
    recognize.set_defaults(command=_recognize)

    backup = commands.add_parser("backup", help="write all that is kept to a file, while the service runs")
    backup.add_argument("file", type=Path, help="the backup's file, *.tar; one of that name is replaced")
    backup.set_defaults(command=_back_up)

    restore = commands.add_parser("restore", help="bring a backup into an empty data folder, before the service starts")
    restore.add_argument("file", type=Path, help="a backup's file, *.tar")
    restore.set_defaults(command=_restore)

    prior = commands.add_parser("prior", help="learn the statistics of faces at large from a public data set")
    prior.add_argument("dataset", type=Path, help="a folder of many people, one folder for each")
    prior.add_argument("--source", required=True, help="what the data set is, and who made it; kept in the file")
    prior.add_argument("--out", type=Path, help="the file; by default the one that recognizers are built with")
    prior.set_defaults(command=_prior)

    bench = commands.add_parser("bench", help="compare with what others do, on pictures of yours", add_help=False)
    benches = ("encode", "detect", "pipeline", "accuracy", "search", "cluster", "serve", "build", "faults", "limits")
    bench.add_argument("name", choices=benches)
    bench.add_argument("options", nargs=argparse.REMAINDER, help="--dataset FOLDER, --quick")
    bench.set_defaults(command=_bench)

    _add_keys(commands.add_parser("keys", help="make, list and revoke the keys of clients"))

    audit = commands.add_parser("audit", help="who did what to which recognizer, as lines of JSON")
    audit.add_argument("--since", help="a date such as 2030-12-31, or days ago such as 7d")
    audit.add_argument("--recognizer", help="the id of a recognizer")
    audit.set_defaults(command=_audit)

    _add_processes(commands)
    return parser


def _add_processes(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """What a service is made of, each a process of its own."""
    workers = commands.add_parser("workers", help="run the dispatcher and the workers, for app.ini")
    workers.add_argument("--service", type=int, help="uWSGI's process, told to start anew where this cannot start")
    workers.set_defaults(command=_workers)
    prepare = commands.add_parser("prepare", help="make the tables and the networks' graphs in the data folder")
    prepare.set_defaults(command=_prepare)
    dispatcher = commands.add_parser("dispatcher", help="run the dispatcher alone")
    dispatcher.set_defaults(command=_dispatcher)
    worker = commands.add_parser("worker", help="run one worker alone")
    worker.add_argument("kind", choices=("encode", "train"))
    worker.add_argument("slot", help="its name among the workers, such as encode-0")
    worker.set_defaults(command=_worker)
    for process in (dispatcher, worker):
        # Said by the supervisor: one that dies while this process loads would else be missed.
        process.add_argument("--parent", type=int, default=os.getppid(), help="end when this process is gone")
        process.add_argument("--name", help="what it is called, such as encode-0:RUN:1; a new name by default")
        process.add_argument("--pulse", type=int, nargs=2, metavar=("FD", "PLACE"), help="where it says that it lives")


def _add_keys(keys: argparse.ArgumentParser) -> None:
    commands = keys.add_subparsers(required=True, metavar="COMMAND")
    create = commands.add_parser("create", help="make a key, which is shown once")
    create.add_argument("--name", required=True, help="what it is called in lists, logs and the audit")
    create.add_argument("--scope", required=True, help="what it may do: build, recognize, admin, separated by commas")
    create.add_argument("--expires", help="a date such as 2030-12-31, or days such as 90d; never, where left out")
    create.add_argument("--tenant", help="whose recognizers it sees; by default only those that it makes itself")
    create.set_defaults(command=_create_key)
    listing = commands.add_parser("list", help="what is known of every key, which is not the key")
    listing.set_defaults(command=_list_keys)
    revoke = commands.add_parser("revoke", help="let a key open nothing from now on")
    revoke.add_argument("name", help="what it is called")
    revoke.set_defaults(command=_revoke_key)


def _add_options(build: argparse.ArgumentParser) -> None:
    """The options that a request has as well, as texts: what they may be is said in one place."""
    for name, option in _OPTIONS.items():
        default = "" if option.default in (None, "", False) else f" ({option.default})"
        switch: Any = {"action": "store_const", "const": True} if option.annotation is bool else {}
        build.add_argument(f"--{name.replace('_', '-')}", help=f"{option.description}{default}", **switch)


def _serve(_: argparse.Namespace) -> None:
    """Become uWSGI, which starts everything else."""
    beside = Path(sys.executable).parent
    path = f"{beside}{os.pathsep}{os.environ.get('PATH', '')}"
    os.chdir(ROOT)
    try:
        os.execve(beside / "uwsgi", ["uwsgi", "--ini", "app.ini"], os.environ | {"PATH": path})
    except FileNotFoundError as error:
        raise InvalidSettings(f"There is no uWSGI beside {sys.executable}: start this by `make run`.") from error


def _build(parsed: argparse.Namespace) -> None:
    from jobs.commands.build_folder import build_folder  # the commands' libraries take seconds to load

    chosen = {name: getattr(parsed, name) for name in _OPTIONS if getattr(parsed, name) is not None}
    build_folder(parsed.folder, parsed.out, chosen, parsed.manifest, parsed.label_from == "filename")


def _recognize(parsed: argparse.Namespace) -> None:
    from jobs.commands.recognize_photos import recognize_photos

    recognize_photos(parsed.recognizer, parsed.photos)


def _back_up(parsed: argparse.Namespace) -> None:
    from jobs.commands.back_up import back_up

    back_up(parsed.file)


def _restore(parsed: argparse.Namespace) -> None:
    from jobs.commands.restore import restore

    restore(parsed.file)


def _prior(parsed: argparse.Namespace) -> None:
    from jobs.commands.make_prior import make_prior

    make_prior(parsed.dataset, parsed.source, parsed.out)


def _create_key(parsed: argparse.Namespace) -> None:
    from jobs.commands.manage_keys import create_key

    create_key(_own_settings(), parsed.name, parsed.scope, parsed.expires, parsed.tenant)


def _list_keys(_: argparse.Namespace) -> None:
    from jobs.commands.manage_keys import list_keys

    list_keys(_own_settings())


def _revoke_key(parsed: argparse.Namespace) -> None:
    from jobs.commands.manage_keys import revoke_key

    revoke_key(_own_settings(), parsed.name)


def _audit(parsed: argparse.Namespace) -> None:
    from jobs.commands.show_audit import show_audit

    show_audit(parsed.since, parsed.recognizer)


def _bench(parsed: argparse.Namespace) -> None:
    sys.argv = [f"bench.{parsed.name}", *parsed.options]
    runpy.run_module(f"bench.{parsed.name}", run_name="__main__")


def _workers(parsed: argparse.Namespace) -> None:
    from jobs.processes.supervisor import supervise
    from logger import log_uncaught

    log_uncaught()
    try:
        supervise(_own_settings())
    except FacialError:
        if parsed.service is None:
            raise
        # uWSGI would start this again for ever. So all of it starts again, and `prepare` says once what is wrong.
        os.kill(parsed.service, signal.SIGHUP)


def _prepare(_: argparse.Namespace) -> None:
    from jobs.processes.preparing import prepare

    prepare(_own_settings())


def _dispatcher(parsed: argparse.Namespace) -> None:
    from jobs.processes.dispatcher import run_dispatcher

    run_dispatcher(_own_settings(), _joined(parsed, "dispatcher").split(":")[1], parsed.parent)


def _worker(parsed: argparse.Namespace) -> None:
    from jobs.processes.worker import run_worker
    from jobs.table.tables import TaskKind

    run_worker(_own_settings(), TaskKind(parsed.kind), parsed.slot, _joined(parsed, parsed.slot), parsed.parent)


def _own_settings() -> "Settings":
    """The settings of a process of the service: what it writes is for its user alone."""
    os.umask(0o077)
    return load_settings()


def _joined(parsed: argparse.Namespace, slot: str) -> str:
    """Make this process one of a service's, and give its name there."""
    from jobs.processes.parents import end_with
    from jobs.work import pulse
    from logger import log_uncaught

    log_uncaught()
    end_with(parsed.parent)
    if parsed.pulse:
        pulse.own.attach(*parsed.pulse)
    return parsed.name or f"{slot}:{uuid.uuid4().hex}:1"


if __name__ == "__main__":
    sys.exit(main())
