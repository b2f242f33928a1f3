"""A history check: whatever fails, what the service accepted comes to its end once, and nothing of it is lost.

Clients build, grow, forget, delete and recognize while processes are killed and stopped, the disk is full, the database
is locked and the clock jumps, as a seed draws it. ``--seed`` draws the same faults again.
"""

import argparse
import random
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from bench.fault_checks import check_answers, check_stopped, check_swept, sha256_in_sqlite
from bench.fault_clients import PATIENCE_S, Asking
from bench.fault_crowd import crowd
from bench.fault_effects import Injected
from bench.fault_history import History, Wrong
from bench.fault_injection import Injector
from bench.harness import report
from bench.jumping_clock import JumpingClock
from bench.managed_service import ManagedService
from bench.memory_growth import memory_growth
from bench.portrait_pictures import Portraits
from bench.service_processes import Kind
from bench.small_disk import SmallDisk
from bench.task_watch import TaskWatch

#: Workers that encode.
_ENCODERS = 2


@dataclass(frozen=True)
class Plan:
    """How much is to happen: processes that are ended, clients that build, rounds of faults that are measured.

    Then, without faults, recognitions and builds over which memory may grow.
    """

    kills: int
    builders: int
    rounds: int
    recognitions: int = 0
    builds: int = 0


LONG, QUICK, SHORT = Plan(3000, 4, 10, 10_000, 50), Plan(60, 3, 2, 400, 4), Plan(300, 1, 0)


@dataclass(frozen=True)
class Outcome:
    """What a run showed."""

    history: History
    injected: Injected

    @property
    def builds(self) -> int:
        """Versions that were accepted."""
        return sum(len(owned.versions) + len(owned.erased) for owned in self.history.owned)

    def figures(self) -> dict[str, float]:
        injected = self.injected
        return {
            "builds": self.builds,
            "kills": injected.ended.total(),
            "lost": self.history.count(Wrong.LOST),
            "duplicated": self.history.count(Wrong.DUPLICATED),
            "broken": self.history.count(Wrong.BROKEN),
            "requeue_p99_s": float(np.quantile(injected.seconds(injected.requeues) or [0.0], 0.99)),
            "hang_requeue_s": max(injected.seconds(injected.hangs), default=0.0),
            "recovery_s": max(injected.seconds(injected.recoveries), default=0.0),
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a short run")
    parser.add_argument("--kills", type=int, help="processes that are ended, if not as many as usual")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32), help="draws the faults")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="where the log, the history and the data stay")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("The run was stopped."))
    plan = QUICK if options.quick else LONG
    plan = replace(plan, kills=options.kills or plan.kills)
    with _folder(options.keep) as folder:
        outcome = run(folder, options.seed, plan)
        growth = memory_growth(folder, plan.recognitions, plan.builds)
    print_findings(outcome.history)
    injected = outcome.injected
    samples = {
        "seed": options.seed,
        "recognitions": len(outcome.history.recognitions),
        "requeues": len(injected.seconds(injected.requeues)),
        **{name.replace(" ", "_"): number for name, number in (injected.ended + injected.others).items()},
        **{f"SIGSTOP_{kind}": number for kind, number in injected.stopped.items()},
    }
    figures = outcome.figures() | {"rss_growth": max(growth.values())}
    figures |= {f"rss_growth_{kind}": share for kind, share in growth.items()}
    report("faults", figures, samples)
    sys.exit(1 if outcome.history.findings else 0)


@contextmanager
def _folder(named: Path | None) -> Iterator[Path]:
    if named is not None:
        named.mkdir(parents=True)
        yield named
    else:
        with tempfile.TemporaryDirectory() as made:
            yield Path(made)


def run(folder: Path, seed: int, plan: Plan) -> Outcome:
    """Run the service under the faults of a plan, let it settle, and check the history."""
    print(f"seed {seed}", file=sys.stderr, flush=True)
    clock = JumpingClock(folder) if JumpingClock.is_possible() else None
    portraits = Portraits.make(folder / "portraits")
    with (folder / "history").open("w") as file, _disk(folder / "data") as disk:
        if clock is None:
            print("There is no C compiler: no clock jumps.", file=sys.stderr)
        history = History(file)
        environment = {"FACIAL_ENCODE_WORKERS": str(_ENCODERS)} | (clock.environment if clock else {})
        service = ManagedService(folder / "data", folder / "log", **environment)
        task_watch = TaskWatch(service.database)
        injector = Injector(service, task_watch, history, disk, clock)
        try:
            service.start()
            task_watch.start()
            with crowd(service.client, history, portraits, seed, plan.builders):
                injector.run(seed, plan.kills)
                injector.measure(plan.rounds)
                injector.hang(Kind.ENCODE, *[Kind.TRAIN] * (plan.rounds > 0))
            injector.check_replaced()
            _settle(task_watch, history)
            check_answers(Asking(service.client(), history, "check"), partial(sha256_in_sqlite, service.database))
            check_swept(history, service.data_dir)
        except BaseException:
            service.kill()
            raise
        finally:
            task_watch.stop()
        for member in service.stop():
            history.find(Wrong.BROKEN, f"{member.name} outlived the service")
        check_stopped(history, service.data_dir)
    return Outcome(history, injector.injected)


@contextmanager
def _disk(folder: Path) -> Iterator[SmallDisk | None]:
    """A disk of the folder's own, where it can be had."""
    try:
        disk = SmallDisk(folder)
    except OSError as error:
        print(f"No disk can be mounted here ({error.strerror}): none is filled.", file=sys.stderr)
        yield None
        return
    try:
        yield disk
    finally:
        disk.unmount()


def _settle(task_watch: TaskWatch, history: History) -> None:
    """Wait until nothing is to be done any more."""
    until = time.monotonic() + PATIENCE_S
    while any(task.state != "dead" for task in task_watch.tasks().values()):
        if time.monotonic() > until:
            history.find(Wrong.LOST, f"tasks are still there: {list(task_watch.tasks().values())[:3]}")
            return
        time.sleep(0.1)


def print_findings(history: History) -> None:
    """Say what is wrong, and what happened to the recognizers that it is about."""
    if not history.findings:
        return
    for finding in history.findings:
        print(f"{finding.wrong}: {finding.sentence} {finding.recognizer}", file=sys.stderr)
    print(*history.lines_of({finding.recognizer for finding in history.findings}), sep="\n", file=sys.stderr)


if __name__ == "__main__":
    main()
