"""One request of many pictures: memory of every process, seconds and sizes of answers, from the upload to its erasure.

Each picture is a small JPEG with a person who does not exist, whose encoding is in the tables before it comes: a
hundred thousand faces take hours to encode, and no memory. Everything else is the service's own work.
"""

import argparse
import hashlib
import http.client
import json
import sys
import tarfile
import tempfile
import threading
import time
import zipfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from io import BytesIO
from itertools import pairwise
from math import log
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from bench import drawn_builds
from bench.harness import progress, report
from bench.managed_service import ManagedService
from bench.service_processes import Kind
from constants.settings import Settings
from features import store
from features.store import Shelf
from jobs.table.tables import DEFAULT_TENANT
from jobs.workplace import Workplace, opened_workplace
from preprocessor.version import pipeline_version

#: Pictures of a request, and of a short run's.
PICTURES, QUICK_PICTURES = (1000, 10_000, 100_000), (200, 400)
#: Pictures of a person, and sides of a picture in pixels.
EACH, SIDE = 10, 100
#: Seconds that one step may take, and between two looks at memory or at a build.
_PATIENCE_S, _LOOK_S = 3600.0, 0.2
#: People whose encodings are written at once.
_AT_ONCE = 200
#: Processes whose memory is looked at; the last are those that open what was sent.
_WATCHED = (Kind.WEB, Kind.SUPERVISOR, Kind.DISPATCHER, Kind.ENCODE, Kind.TRAIN, Kind.OTHER)
#: What is asked of a recognizer, before it is finished as well, and then.
_ANSWERS_BEFORE = {
    "available": "/is_available?id={id}",
    "recognizer": "/v1/recognizers/{id}",
    "images": "/v1/recognizers/{id}/images",
    "images_100": "/v1/recognizers/{id}/images?limit=100",
}
_ANSWERS = _ANSWERS_BEFORE | {
    "people": "/v1/recognizers/{id}/people",
    "people_100": "/v1/recognizers/{id}/people?limit=100",
    "page": "/recognizers/{id}/people",
    "report": "/v1/recognizers/{id}/report",
    "report_json": "/v1/recognizers/{id}/report?format=json",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a short run of few pictures")
    parser.add_argument("--pictures", type=int, nargs="+", help="other numbers of pictures")
    parser.add_argument("--archive", choices=("zip", "tar"), default="zip", help="what the pictures are sent in")
    parser.add_argument("--taken-in", action="store_true", help="take in, list and erase them, and build nothing")
    options = parser.parse_args()
    sizes = options.pictures or (QUICK_PICTURES if options.quick else PICTURES)
    figures: dict[str, float] = {}
    for count in sizes:
        found = _measure(count, options.archive, options.taken_in)
        figures |= {f"{name}_{count}": value for name, value in found.items()}
        print({name: round(value, 3) for name, value in found.items()}, file=sys.stderr)
    for fewer, more in pairwise(sizes):
        for kind in _WATCHED:
            grown = figures[f"rss_mb_{kind}_{more}"] / figures[f"rss_mb_{kind}_{fewer}"]
            figures[f"exponent_{kind}_{fewer}_{more}"] = log(grown) / log(more / fewer)
    report("heap", figures, {"pictures": max(sizes), "of_a_person": EACH, "side": SIDE})


def _measure(count: int, kind: str, only_taken_in: bool) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(folder) / f"pictures.{kind}"
        with opened_workplace(Settings(data_dir=Path(folder) / "data")) as workplace:
            _encode_ahead(workplace, count, archive)
        limits = {"FACIAL_MAX_FILES": str(max(count, 1000)), "FACIAL_ENCODE_WORKERS": "1"}
        service = ManagedService(Path(folder) / "data", Path(folder) / "log", **limits)
        service.start()
        try:
            return _Run(service, only_taken_in).figures(archive)
        finally:
            service.kill()


def _encode_ahead(workplace: Workplace, count: int, archive: Path) -> None:
    """Pack so many pictures, and write down an encoding for each."""
    drawn = drawn_builds.population(workplace)
    shelf = Shelf(DEFAULT_TENANT, pipeline_version(workplace.settings))
    people = range(0, -(-count // EACH))
    with _packing(archive) as pack:
        for first in progress(people[::_AT_ONCE], "drawn"):
            found = {}
            for person in people[first : first + _AT_ONCE]:
                for number, encoding in enumerate(drawn.faces(person, EACH)):
                    content = pack(f"people/{drawn_builds.label_of(person)}/{number}.jpg", person * EACH + number)
                    found[content] = drawn_builds.picture_of(encoding, SIDE)
            with workplace.database.write() as connection:
                store.put(connection, shelf, found)


@contextmanager
def _packing(archive: Path) -> Iterator[Callable[[str, int], str]]:
    """Within, what puts the picture of a number into an archive under a name, and gives its content hash."""
    buffer = BytesIO()
    pixels = np.random.default_rng(0).integers(0, 256, (SIDE // 4, SIDE // 4, 3), np.uint8)
    Image.fromarray(pixels).resize((SIDE, SIDE)).save(buffer, "JPEG")
    start, rest = buffer.getvalue()[:2], buffer.getvalue()[2:]

    def picture(number: int) -> bytes:
        comment = b"%012d" % number  # which makes it another file (JPEG's segment COM)
        return start + b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment + rest

    with zipfile.ZipFile(archive, "w") if archive.suffix == ".zip" else tarfile.open(archive, "w") as packed:

        def pack(name: str, number: int) -> str:
            content = picture(number)
            if isinstance(packed, zipfile.ZipFile):
                packed.writestr(name, content)
            else:
                info = tarfile.TarInfo(name)
                info.size = len(content)
                packed.addfile(info, BytesIO(content))
                packed.members.clear()  # type: ignore[attr-defined]  # as it keeps one for each
            return hashlib.sha256(content).hexdigest()

        yield pack


class _Run:
    """A service that takes in an archive, builds a recognizer, answers for it and erases it, watched all the while."""

    def __init__(self, service: ManagedService, only_taken_in: bool) -> None:
        self._service = service
        self._only_taken_in = only_taken_in
        self._client = service.client(_PATIENCE_S)
        #: MB of memory at most, by kind of process.
        self._peaks: dict[Kind, float] = defaultdict(float)
        self._figures: dict[str, float] = {}

    def figures(self, archive: Path) -> dict[str, float]:
        """Figures by their names, but for the number of pictures."""
        with self._watched("start"):
            pass
        with self._watched("accept"):
            recognizer = self._send(archive)
        if not self._only_taken_in:
            with self._watched("encode"):
                self._wait(recognizer, ("queued", "encoding"))
            with self._watched("train"):
                self._wait(recognizer, ("training",))
        asked = _ANSWERS_BEFORE if self._only_taken_in else _ANSWERS
        for name, path in asked.items():
            with self._watched(name):
                status, content = self._client.send("GET", path.format(id=recognizer))
            self._figures[f"bytes_{name}"] = len(content)
            if status != 200:
                sys.exit(f"{name} was answered {status}: {content[:500]!r}")
        with self._watched("delete"):
            self._client.send("DELETE", f"/v1/recognizers/{recognizer}")
            self._wait_for_erasure(recognizer)
        return self._figures | {f"rss_mb_{kind}": self._peaks[kind] for kind in _WATCHED}

    def _send(self, archive: Path) -> str:
        head = b'--line\r\nContent-Disposition: form-data; name="images"; filename="%s"\r\n\r\n' % archive.name.encode()
        end = b"\r\n--line--\r\n"

        def body() -> Iterator[bytes]:
            yield head
            with archive.open("rb") as file:
                while data := file.read(1 << 20):
                    yield data
            yield end

        connection = http.client.HTTPConnection("127.0.0.1", self._client.port, timeout=_PATIENCE_S)
        length = str(len(head) + archive.stat().st_size + len(end))
        headers = {"Content-Type": "multipart/form-data; boundary=line", "Content-Length": length}
        connection.request("POST", "/v1/recognizers", body(), headers)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        if answer.status != 202:
            sys.exit(f"The build was refused: {content[:500]!r}")
        return str(json.loads(content)["id"])

    def _wait(self, recognizer: str, states: tuple[str, ...]) -> None:
        """Return once a build is in none of some states; ends the run where it failed."""
        while (found := self._ask(f"/is_available?id={recognizer}"))["state"] in states:
            time.sleep(_LOOK_S)
        if found["state"] == "failed":
            sys.exit(f"The build failed: {found['message']}")

    def _wait_for_erasure(self, recognizer: str) -> None:
        while any(
            erasure["erasure"] == "pending"
            for erasure in self._ask(f"/v1/recognizers/{recognizer}/erasures")["erasures"]
        ):
            time.sleep(_LOOK_S)

    def _ask(self, path: str) -> Any:
        return json.loads(self._client.send("GET", path)[1])

    @contextmanager
    def _watched(self, step: str) -> Iterator[None]:
        """Within, the memory of every process is watched, and the seconds are those of a step."""
        peaks: dict[Kind, float] = defaultdict(float)
        ended = threading.Event()
        for member in self._service.roster.members():
            with suppress(OSError):
                Path(f"/proc/{member.process.pid}/clear_refs").write_text(
                    "5"
                )  # the peak begins anew (proc_pid_clear_refs.5)

        def look() -> None:
            while not ended.wait(_LOOK_S):
                note()

        def note() -> None:
            for member in self._service.roster.members():
                peaks[member.kind] = max(peaks[member.kind], _peak_mb(member.process.pid))

        looking = threading.Thread(target=look)
        looking.start()
        begun = time.perf_counter()
        try:
            yield
            self._figures[f"seconds_{step}"] = time.perf_counter() - begun
            note()
        finally:
            ended.set()
            looking.join()
        for kind in _WATCHED:
            self._peaks[kind] = max(self._peaks[kind], peaks[kind])
        print(
            step,
            f"{self._figures[f'seconds_{step}']:.2f} s",
            {str(k): round(v) for k, v in peaks.items()},
            file=sys.stderr,
        )


def _peak_mb(pid: int) -> float:
    """The most memory that a process has had since it was last asked to count anew; none of one that has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:")), 0.0)


if __name__ == "__main__":
    main()
