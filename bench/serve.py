"""Recognitions a second of the whole service on this machine, and of the one-file recognizer on one thread."""

import tempfile
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import numpy as np

from bench.harness import arguments, progress, report, timed
from bench.running_service import Form, RunningService, form, running_service
from preprocessor.decoding import Photo
from preprocessor.graphs.onnx_session import make_session

#: People of the recognizer, pictures that each is learnt from, and pictures of each that are sent.
PEOPLE, LEARNT, SENT = 20, 6, 2
#: Pictures of strangers that are sent as well.
STRANGERS = 40
#: Clients that each send the next photo once they have an answer; a short run takes fewer numbers of them.
CLIENTS, QUICK_CLIENTS = (1, 2, 4, 8, 16, 32), (4, 16)
#: Photos a second that are sent whether those before are answered or not; so many of them may be on their way.
RATE, ON_THEIR_WAY = 40, 32
#: Seconds of each number of clients and of the even rate; a short run takes fewer.
SECONDS, QUICK_SECONDS = 15.0, 4.0
#: Seconds of load before anything counts: every worker has then loaded the recognizer.
WARMING_S = 3.0
#: Rounds of all photos through the one-file recognizer.
ROUNDS = 3


@dataclass(frozen=True)
class Load:
    """What became of the photos that were sent in some seconds."""

    seconds: float
    latencies: Sequence[float]
    failed: int

    @property
    def per_second(self) -> float:
        return len(self.latencies) / self.seconds

    def milliseconds(self, share: float) -> float:
        """The time within which a share of the photos were answered."""
        return 1000 * float(np.quantile(self.latencies, share))


def main() -> None:
    options = arguments(__doc__)
    clients, seconds = (QUICK_CLIENTS, QUICK_SECONDS) if options.quick else (CLIENTS, SECONDS)
    enrolled, photos = _pictures(options.dataset)
    forms = [form("image", [("photo.jpg", photo)]) for photo in photos]
    with tempfile.TemporaryDirectory() as folder, running_service(Path(folder)) as service:
        recognizer = service.build(enrolled)
        path = f"/recognize?id={recognizer}"
        _busy(service, path, forms, 4, WARMING_S)
        loads = [_busy(service, path, forms, number, seconds) for number in progress(clients, "clients")]
        even = _even(service, path, forms, seconds)
        _, one_file = service.send("GET", f"/download_recognizer?id={recognizer}&format=onnx")
    figures = {
        "recognitions_per_second": max(load.per_second for load in loads),
        "p95_ms_at_40": even.milliseconds(0.95),
        "p50_ms_at_40": even.milliseconds(0.5),
        "onefile_photos_per_second": _onefile(one_file, photos),
        "failed": even.failed + sum(load.failed for load in loads),
    }
    sent = len(even.latencies) + sum(len(load.latencies) for load in loads)
    report("serve", figures, {"photos": len(photos), "sent": sent, "most_clients": max(clients)})


def _pictures(dataset: Path) -> tuple[list[tuple[str, bytes]], list[bytes]]:
    """Pictures to learn from, with their names, and photos to recognize."""
    people = [sorted(person.glob("*.jpg")) for person in sorted(dataset.iterdir()) if person.is_dir()]
    known = [files for files in people if len(files) >= LEARNT + SENT][:PEOPLE]
    strangers = [files[0] for files in people if len(files) == 1][:STRANGERS]
    enrolled = [(f"{file.parent.name}/{file.name}", file.read_bytes()) for own in known for file in own[:LEARNT]]
    photos = [*(file for own in known for file in own[LEARNT : LEARNT + SENT]), *strangers]
    return enrolled, [photo.read_bytes() for photo in photos]


def _busy(service: RunningService, path: str, forms: Sequence[Form], clients: int, seconds: float) -> Load:
    """Each client sends a photo, waits for the answer, and sends the next one."""
    numbers, lock = count(), threading.Lock()
    start = time.perf_counter()

    def client() -> list[tuple[float, bool]]:
        answers = []
        while time.perf_counter() < start + seconds:
            with lock:
                number = next(numbers)
            took, (status, _) = timed(service.send, "POST", path, forms[number % len(forms)])
            answers.append((took, status == 200))
        return answers

    with ThreadPoolExecutor(clients) as pool:
        answers = [answer for done in [pool.submit(client) for _ in range(clients)] for answer in done.result()]
    return _load(time.perf_counter() - start, answers)


def _even(service: RunningService, path: str, forms: Sequence[Form], seconds: float) -> Load:
    """Photos come at an even rate; a photo's time counts from when it should have been sent."""
    start = time.perf_counter()

    def send(number: int) -> tuple[float, bool]:
        status, _ = service.send("POST", path, forms[number % len(forms)])
        return time.perf_counter() - start - number / RATE, status == 200

    with ThreadPoolExecutor(ON_THEIR_WAY) as pool:
        sent = []
        for number in progress(range(int(seconds * RATE)), f"{RATE} a second"):
            time.sleep(max(0.0, start + number / RATE - time.perf_counter()))
            sent.append(pool.submit(send, number))
        answers = [one.result() for one in sent]
    return _load(time.perf_counter() - start, answers)


def _load(seconds: float, answers: Sequence[tuple[float, bool]]) -> Load:
    latencies = [took for took, answered in answers if answered]
    return Load(seconds, latencies, len(answers) - len(latencies))


def _onefile(model: bytes, photos: Sequence[bytes]) -> float:
    """Photos a second of decoded pixels to names, one after another on one thread."""
    pixels = [Photo(photo).pixels() for photo in photos]
    session = make_session(model)
    session.run(None, {"photo": pixels[0]})
    rounds = [
        sum(timed(session.run, None, {"photo": photo})[0] for photo in pixels)
        for _ in progress(range(ROUNDS), "one file")
    ]
    return len(pixels) / float(np.median(rounds))


if __name__ == "__main__":
    main()
