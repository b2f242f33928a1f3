"""A history check of several nodes: whatever ends or stands still, what they accepted comes to its end once.

Nodes share one PostgreSQL and one bucket, and clients ask one after the other. Meanwhile processes and whole nodes are
killed, whole nodes stand still for longer than the others wait for them, the database is killed and started again, and
the bucket's server stands still, as a seed draws it.
"""

import argparse
import itertools
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]
import psycopg

from bench.fault_checks import check_answers, check_swept
from bench.fault_clients import PATIENCE_S, Asking, GaveUp
from bench.fault_crowd import crowd
from bench.fault_deck import Card, drawn
from bench.fault_history import History, Wrong
from bench.faults import print_findings
from bench.harness import report
from bench.managed_service import ManagedService
from bench.portrait_pictures import Portraits
from bench.running_postgresql import Server, programs, running_postgresql
from bench.running_service import Form
from test.cluster.stores import Bucket

#: How often each fault is in the deck that is dealt from.
_DECK = {"kill": 12, "power cut": 2, "node stands still": 2, "database": 1, "bucket": 1}
#: Times as long as in a run of one service clients are left alone between two faults.
_PAUSES = 4
#: Seconds that a client waits for an answer: less than a node stands still for.
_ANSWER_S = 12.0
#: Seconds that a node stands still for, at least and at most: others give it up after fifteen.
_STILL_S = 5.0, 30.0
#: Seconds that the database is away, or the bucket stands still, at most.
_AWAY_S = 4.0
#: Seconds that erasures have to be done on all nodes.
_ERASED_S = 120.0


class Nodes:
    """Several services on one database and one bucket, asked in turn, as by a proxy before them."""

    def __init__(self, folder: Path, count: int, database_url: str, bucket: Bucket) -> None:
        environment = {
            "FACIAL_DATABASE_URL": database_url,
            "FACIAL_STORAGE_URL": bucket.url,
            "FACIAL_ENCODE_WORKERS": "1",
            **bucket.environment,
        }
        self.all = [ManagedService(folder / f"node{at}", folder / f"log{at}", **environment) for at in range(count)]
        self._turns = itertools.cycle(node.client(_ANSWER_S) for node in self.all)

    def send(self, method: str, path: str, form: Form = (b"", {}), /) -> tuple[int, bytes]:
        """Send a request to the next node."""
        return next(self._turns).send(method, path, form)


class Injector:
    """Makes faults happen to nodes, their database and their bucket."""

    def __init__(self, nodes: Nodes, database: Server, bucket: Bucket, history: History) -> None:
        self.injected: Counter[str] = Counter()
        self._nodes, self._database, self._bucket, self._history = nodes, database, bucket, history
        self._faults = {
            "kill": self._kill,
            "power cut": self._cut_power,
            "node stands still": self._stand_still,
            "database": self._kill_database,
            "bucket": self._stop_bucket,
        }

    def run(self, seed: int, faults: int) -> None:
        """Deal so many faults."""
        for card in itertools.islice(drawn(seed, _DECK), faults):
            self._history.note("fault", card.fault)
            self._faults[card.fault](card)
            self.injected[card.fault] += 1
            time.sleep(_PAUSES * card.pause_s)

    def _node(self, card: Card) -> ManagedService:
        return self._nodes.all[int(card.which * len(self._nodes.all))]

    def _kill(self, card: Card) -> None:
        members = self._node(card).roster.members()
        if members:
            _signal([members[int(card.share * len(members))].process], card.number)

    def _cut_power(self, card: Card) -> None:
        _signal([member.process for member in self._node(card).roster.members()], signal.SIGKILL)

    def _stand_still(self, card: Card) -> None:
        least, most = _STILL_S
        processes = [member.process for member in self._node(card).roster.members()]
        _signal(processes, signal.SIGSTOP)
        time.sleep(least + card.share * (most - least))
        _signal(processes, signal.SIGCONT)

    def _kill_database(self, card: Card) -> None:
        self._database.kill()
        time.sleep(card.share * _AWAY_S)
        self._database.start()

    def _stop_bucket(self, card: Card) -> None:
        self._bucket.stand_still()
        time.sleep(card.share * _AWAY_S)
        self._bucket.go_on()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faults", type=int, default=300, help="how many happen")
    parser.add_argument("--nodes", type=int, default=3, help="how many services there are")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32), help="draws the faults")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("The run was stopped."))
    with tempfile.TemporaryDirectory() as folder:
        history, injected = run(Path(folder), options.seed, options.faults, options.nodes)
    print_findings(history)
    figures = {f"{wrong}": float(history.count(wrong)) for wrong in Wrong}
    figures |= {"builds": sum(len(owned.versions) + len(owned.erased) for owned in history.owned)}
    samples = {name.replace(" ", "_"): number for name, number in injected.items()}
    samples |= {"seed": options.seed, "nodes": options.nodes, "recognitions": len(history.recognitions)}
    report("node_faults", figures, samples)
    sys.exit(1 if history.findings else 0)


def run(folder: Path, seed: int, faults: int, count: int) -> tuple[History, Counter[str]]:
    """Let so many faults happen to nodes that clients ask, let them settle, and check the history."""
    print(f"seed {seed}", file=sys.stderr, flush=True)
    found = programs()
    if found is None:
        sys.exit("There is no PostgreSQL, or root has no other user to run it as; make test-cluster installs it.")
    portraits = Portraits.make(folder / "portraits")
    with ExitStack() as stack:
        database = stack.enter_context(running_postgresql(found))
        bucket = Bucket(folder / "bucket.log")
        stack.callback(bucket.close)
        url = f"{database.address}/postgres"
        nodes = Nodes(folder, count, f"postgresql+psycopg://{url}", bucket)
        history = History(stack.enter_context((folder / "history").open("w")))
        with _running(nodes.all):
            injector = Injector(nodes, database, bucket, history)
            with crowd(lambda: nodes, history, portraits, seed, count):
                injector.run(seed, faults)
            _settle(url, history)
            for node in nodes.all:
                check_answers(Asking(node.client(), history, "check"), partial(_sha256, url))
                check_swept(history, node.data_dir)
            _check_erased(Asking(nodes, history, "check"), bucket)
    return history, injector.injected


@contextmanager
def _running(nodes: Sequence[ManagedService]) -> Iterator[None]:
    """Within, nodes run; in the end nothing of them does."""
    try:
        for node in nodes:
            node.start()
        yield
    finally:
        for node in nodes:
            node.kill()


def _settle(url: str, history: History) -> None:
    """Wait until nothing is to be done any more."""
    until = time.monotonic() + PATIENCE_S
    while (left := _value(url, "SELECT count(*) FROM tasks WHERE state <> 'dead'")) and time.monotonic() < until:
        time.sleep(0.2)
    if left:
        history.find(Wrong.LOST, f"{left} tasks are still there")


def _check_erased(asking: Asking, bucket: Bucket) -> None:
    """Find erasures that are not done, and objects of recognizers that are none any more."""
    history, until = asking.history, time.monotonic() + _ERASED_S
    deleted = {owned.id for owned in history.owned if owned.deleted is not None}
    for recognizer in deleted:
        with suppress(GaveUp):
            while not _is_erased(asking, recognizer) and time.monotonic() < until:
                time.sleep(0.2)
            if not _is_erased(asking, recognizer):
                history.find(Wrong.BROKEN, "it was deleted and is not erased", recognizer)
    for name in bucket.contents():
        for recognizer in deleted:
            if recognizer in name:
                history.find(Wrong.BROKEN, f"the object {name} is left", recognizer)


def _is_erased(asking: Asking, recognizer: str) -> bool:
    answer = asking.until_answered("GET", f"/v1/recognizers/{recognizer}/erasures", about=recognizer)
    return all(erasure["erasure"] == "done" for erasure in answer.json["erasures"])


def _sha256(url: str, recognizer: str, version: int) -> str | None:
    query = "SELECT bundle_sha256 FROM builds WHERE recognizer_id = %s AND version = %s"
    found: str | None = _value(url, query, recognizer, version)
    return found


def _value(url: str, query: str, *values: object) -> Any:
    with psycopg.connect(f"postgresql://{url}") as connection:
        row = connection.execute(query.encode(), values).fetchone()
    return row[0] if row else None


def _signal(processes: Sequence[psutil.Process], number: signal.Signals) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(number)


if __name__ == "__main__":
    main()
