"""The service under requests that were changed at random: it answers all of them, and nothing of it dies.

``--seed`` makes the same requests again, ``--only`` one of them, whose answer is shown.
"""

import argparse
import json
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import psutil  # type: ignore[import-untyped]

from bench.fault_checks import staged
from bench.harness import progress, report
from bench.managed_service import ManagedService
from bench.mutations import Mutations
from bench.portrait_pictures import Portraits
from bench.running_service import RunningService, wait_until
from bench.service_processes import Kind, Member

#: Requests of a whole run, and of a short one.
CASES, QUICK = 100_000, 2_000
#: Clients at the same time.
_CLIENTS = 6
#: Share of what is accepted that is deleted at once; the rest is worked on.
_DELETED = 0.9
#: What uWSGI says when a web process ended, and the supervisor of another one.
_WEB_ENDED, _ENDED = "DAMN", " ended with "


@dataclass
class Outcome:
    """What was answered, and what must not be."""

    statuses: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    #: Processes whose end the supervisor told.
    accounted: int = 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a short run")
    parser.add_argument("--cases", type=int, help="requests, if not as many as usual")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32), help="makes the requests")
    parser.add_argument("--only", type=int, metavar="NUMBER", help="the one request to send")
    options = parser.parse_args()
    cases = options.cases or (QUICK if options.quick else CASES)
    numbers = range(cases) if options.only is None else [options.only]
    begin = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        outcome = run(Path(folder), options.seed, numbers, shown=options.only is not None)
    print(*outcome.wrong, sep="\n", file=sys.stderr)
    figures = {"cases": len(numbers), "wrong": len(outcome.wrong), "seconds": time.monotonic() - begin}
    report("fuzz", figures, {"seed": options.seed, "ended": outcome.accounted, **outcome.statuses})
    sys.exit(1 if outcome.wrong else 0)


def run(folder: Path, seed: int, numbers: Iterable[int], shown: bool = False) -> Outcome:
    """Send some of the requests of a seed to a service of its own in a folder, and look at what is left of it."""
    print(f"seed {seed}", file=sys.stderr, flush=True)
    portraits = Portraits.make(folder / "portraits")
    people = [(f"{person}/{n}.jpg", view) for person, own in portraits.views.items() for n, view in enumerate(own[:3])]
    service = ManagedService(folder / "data", folder / "log", FACIAL_MAX_QUEUED_BUILDS="1000")
    service.start()
    try:
        client = service.client()
        recognizer = client.build(people)
        mutations = Mutations(people[0][1], recognizer, min(portraits.views))
        before = service.roster.members(Kind.WEB, Kind.ENCODE, Kind.TRAIN, Kind.DISPATCHER, Kind.SUPERVISOR)
        outcome = _Sending(service, mutations, seed, shown).send(list(numbers))
        _check_settled(service, outcome)
        _check_processes(service, before, outcome)
        if client.build(people) == recognizer:
            outcome.wrong.append("another build has the id of the first")
    finally:
        service.stop()
    return outcome


class _Sending:
    """Clients that send requests, and judge what is answered."""

    def __init__(self, service: ManagedService, mutations: Mutations, seed: int, shown: bool) -> None:
        self._client = service.client()
        self._mutations = mutations
        self._seed = seed
        self._shown = shown
        self._outcome = Outcome()
        self._lock = threading.Lock()

    def send(self, numbers: list[int]) -> Outcome:
        with ThreadPoolExecutor(_CLIENTS) as pool:
            sent = [pool.submit(self._one, number) for number in numbers]
            for one in progress(sent, "changed requests"):
                one.result()
        return self._outcome

    def _one(self, number: int) -> None:
        case = self._mutations.case(self._seed, number)
        status, content = self._client.send(case.method, case.path, case.form)
        if self._shown:
            print(case, status, content[:2000], sep="\n", file=sys.stderr)
        with self._lock:
            self._outcome.statuses[f"{case.kind}_{status}"] += 1
            if status == 0 or (status >= 500 and status != 503) or b"Traceback" in content:
                said = content[:200].decode(errors="replace")
                self._outcome.wrong.append(f"{number}: {case.method} {case.path} ({case.kind}): {status} {said}")
        if status == 202 and random.Random(f"{self._seed} {number} deleted").random() < _DELETED:
            self._delete(content)

    def _delete(self, content: bytes) -> None:
        recognizer = json.loads(content)["id"]
        if recognizer == self._mutations.recognizer:
            return  # it grew; without it every other request would be about nothing
        self._client.send("DELETE", f"/v1/recognizers/{recognizer}")


def _check_settled(service: ManagedService, outcome: Outcome) -> None:
    """Wait until everything that was accepted has ended, and find what is left over of it."""
    client = service.client()
    wait_until(lambda: _open_tasks(client) == 0, "what was accepted to end")
    until = time.monotonic() + 60
    while (left := staged(service.data_dir)) and time.monotonic() < until:
        time.sleep(0.2)
    outcome.wrong += [f"{name} is left over" for name in left]


def _open_tasks(client: RunningService) -> int:
    lines = client.send("GET", "/metrics")[1].decode().splitlines()
    numbers = [line.rpartition(" ")[2] for line in lines if line.startswith("facial_tasks{") and '"dead"' not in line]
    return sum(int(float(number)) for number in numbers)


def _check_processes(service: ManagedService, before: list[Member], outcome: Outcome) -> None:
    """Find processes that are gone without a word, and web processes that are gone at all."""
    log = service.log.read_text(errors="replace")
    gone = [member for member in before if not psutil.pid_exists(member.process.pid)]
    outcome.accounted = log.count(_ENDED)
    outcome.wrong += [f"{member.name} ended" for member in gone if f"{member.slot or member.kind}{_ENDED}" not in log]
    if _WEB_ENDED in log:
        outcome.wrong.append("a web process ended")


if __name__ == "__main__":
    main()
