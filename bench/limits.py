"""What small requests cost that would stop a careless service, and how it serves others under slow and many clients."""

import argparse
import http.client
import json
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil  # type: ignore[import-untyped]

from bench.harness import progress, report, timed
from bench.portrait_pictures import Portraits
from bench.running_service import Form, RunningService, form, running_service
from bench.service_processes import Kind
from bench.small_attacks import Attack, attacks

#: Slow clients, and looks at whether the service is alive meanwhile; a short run takes fewer looks.
SLOW, LOOKS, QUICK_LOOKS = 200, 200, 40
#: Seconds in which photos are sent at a multiple of the rate that the service bears; a short run takes fewer.
OVERLOAD, SECONDS, QUICK_SECONDS = 4.0, 20.0, 6.0
#: Clients by which it is found what the service bears, and for how many seconds.
CLIENTS, BEARS_S = 8, 6.0
#: Seconds between two looks at memory.
_LOOK_S = 0.02


@dataclass
class Cost:
    """What a request cost: web CPU after its last byte, memory added by kind of process, and what was answered."""

    attack: Attack
    status: int
    cpu_ms: float
    added_mb: dict[str, float] = field(default_factory=dict)

    @property
    def is_right(self) -> bool:
        return self.status in self.attack.answers


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a short run")
    quick = parser.parse_args().quick
    with tempfile.TemporaryDirectory() as folder, running_service(Path(folder)) as service:
        views = Portraits.make(Path(folder) / "portraits").views
        people = [(f"{person}/{n}.jpg", view) for person, own in views.items() for n, view in enumerate(own[:3])]
        recognizer, picture = service.build(people), people[0][1]
        photo = form("image", [("photo.jpg", picture)])
        costs = [_cost(service, attack) for attack in progress(list(attacks(picture, recognizer)), "attacks")]
        for cost in costs:
            line = {"attack": cost.attack.name, "status": cost.status, "right": cost.is_right}
            print(json.dumps(line | {"cpu_ms": round(cost.cpu_ms), "added_mb": cost.added_mb}), file=sys.stderr)
        alive = _alive_under_slow_clients(service, QUICK_LOOKS if quick else LOOKS)
        bears = _bears(service, f"/recognize?id={recognizer}", photo)
        bad, p95 = _overload(service, f"/recognize?id={recognizer}", photo, bears, QUICK_SECONDS if quick else SECONDS)
    figures = {
        "attacks": len(costs),
        "wrong_answers": sum(not cost.is_right for cost in costs),
        "worst_cpu_ms": max(cost.cpu_ms for cost in costs),
        "worst_added_mb": max(cost.added_mb[Kind.WEB] for cost in costs),
        "worst_added_mb_child": max(cost.added_mb[Kind.OTHER] for cost in costs),
        "alive_p99_ms": 1000 * float(np.quantile(alive, 0.99)),
        "overload_bad_answers": bad,
        "overload_p95_ms": 1000 * p95,
    }
    report("limits", figures, {"slow_clients": SLOW, "looks": len(alive), "recognitions_per_second": round(bears)})
    if any(not cost.is_right for cost in costs) or bad:
        sys.exit(1)


def _cost(service: RunningService, attack: Attack) -> Cost:
    """Send an attack, its body up to the last byte before anything counts."""
    body, headers = attack.form
    with _memory() as added:
        connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=300)
        try:
            connection.putrequest(attack.method, attack.path)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                connection.putheader(name, value)
            connection.endheaders()
            try:
                connection.send(memoryview(body)[:-1])
                time.sleep(0.2)
                before = _web_cpu()
                connection.send(body[-1:])
            except OSError:  # it was refused before all was sent
                before = _web_cpu()
            status = _status(connection)
        finally:
            connection.close()
        cpu_ms = 1000 * (_web_cpu() - before)
    return Cost(attack, status, cpu_ms, added)


def _status(connection: http.client.HTTPConnection) -> int:
    try:
        answer = connection.getresponse()
        answer.read()
    except (OSError, http.client.HTTPException):
        return 0
    return answer.status


def _processes() -> Iterator[tuple[psutil.Process, Kind]]:
    """The web processes, and what is started by them for a while."""
    for process in psutil.Process().children(recursive=True):
        try:
            command = " ".join(process.cmdline())
        except psutil.Error:
            continue
        if "uwsgi --ini" in command:
            yield process, Kind.WEB
        elif "jobs.intake.sorter" in command:
            yield process, Kind.OTHER


def _web_cpu() -> float:
    """Seconds of processor time that the web processes have had."""
    total = 0.0
    for process, kind in _processes():
        if kind == Kind.WEB:
            times = process.cpu_times()
            total += times.user + times.system
    return total


@contextmanager
def _memory() -> Iterator[dict[str, float]]:
    """MiB by which each kind of process grows within, at most: the largest of its processes."""
    first: dict[int, int] = {process.pid: process.memory_info().rss for process, _ in _processes()}
    added = {Kind.WEB.value: 0.0, Kind.OTHER.value: 0.0}
    ended = threading.Event()

    def look() -> None:
        while not ended.wait(_LOOK_S):
            for process, kind in _processes():
                try:
                    grown = process.memory_info().rss - first.get(process.pid, 0)
                except psutil.Error:
                    continue
                added[kind] = round(max(added[kind], grown / 2**20), 1)

    looking = threading.Thread(target=look)
    looking.start()
    try:
        yield added
    finally:
        ended.set()
        looking.join()


def _alive_under_slow_clients(service: RunningService, looks: int) -> list[float]:
    """Seconds until it was said that the service is alive, while many clients send a byte a second."""
    head = "POST /build_recognizer HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000000\r\n"
    start = f"{head}Content-Type: multipart/form-data; boundary=x\r\n\r\n--x\r\n".encode()
    slow = [socket.create_connection(("127.0.0.1", service.port)) for _ in range(SLOW)]
    took = []
    try:
        for connection in slow:
            connection.sendall(start)
        for number in progress(range(looks), f"{SLOW} slow clients"):
            if number % 10 == 0:
                for connection in slow:
                    connection.sendall(b"a")
            seconds, (status, _) = timed(service.send, "GET", "/is_alive")
            took.append(seconds if status == 200 else float("inf"))
    finally:
        for connection in slow:
            connection.close()
    return took


def _bears(service: RunningService, path: str, photo: Form) -> float:
    """Recognitions a second that are answered to some clients, each of which waits for its answer."""
    until = time.monotonic() + BEARS_S

    def client() -> int:
        answered = 0
        while time.monotonic() < until:
            answered += service.send("POST", path, photo)[0] == 200
        return answered

    with ThreadPoolExecutor(CLIENTS) as pool:
        return max(1.0, sum(done.result() for done in [pool.submit(client) for _ in range(CLIENTS)]) / BEARS_S)


def _overload(service: RunningService, path: str, photo: Form, bears: float, seconds: float) -> tuple[int, float]:
    """Answers that are neither 200, 429 nor 503 at a multiple of what is borne; seconds of 95 % of those accepted."""
    rate = OVERLOAD * bears
    start = time.monotonic()
    with ThreadPoolExecutor(200) as pool:
        sent = []
        for number in progress(range(int(rate * seconds)), "overload"):
            time.sleep(max(0.0, start + number / rate - time.monotonic()))
            sent.append(pool.submit(timed, service.send, "POST", path, photo))
        answers: Sequence[tuple[float, tuple[int, bytes]]] = [one.result() for one in sent]
    accepted = [took for took, (status, _) in answers if status == 200]
    return sum(status not in (200, 429, 503) for _, (status, _) in answers), float(np.quantile(accepted or [0.0], 0.95))


if __name__ == "__main__":
    main()
