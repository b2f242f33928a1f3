"""Recognizers of more and more people on one machine: time, memory and size, a person more and one less, and a face."""

import argparse
import multiprocessing
import os
import resource
import statistics
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from itertools import pairwise
from math import log
from pathlib import Path
from typing import NamedTuple

# As a worker does it, before numpy is loaded, here and in the processes that are begun here.
os.environ.update({"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"})

from bench import drawn_builds
from bench.harness import report, timed
from constants.settings import Settings
from jobs.table import builds
from jobs.table.records import Build
from jobs.versions.forgetting import forget
from jobs.work import runner
from jobs.work.recognizer_cache import RecognizerCache, recognizer_for
from jobs.workplace import Workplace, opened_workplace
from modelization.face_recognizer import FaceRecognizer
from modelization.gallery_recognizer import GalleryRecognizer
from modelization.recognizer import Recognizer

#: People of the recognizers, and of a short run's.
PEOPLE, QUICK_PEOPLE = (100, 1000, 3000, 10_000, 30_000, 100_000), (100, 1200)
#: Recognitions that are timed one by one.
RECOGNITIONS = 200


class _Step(NamedTuple):
    """What something took in a process of its own: seconds, of which computing, and MB of memory; what came of it.

    Seconds of computing are the same on a busy machine, of the process and of those that it waited for.
    """

    seconds: float
    cpu_seconds: float
    megabytes: float
    figure: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a short run of few people")
    parser.add_argument("--people", type=int, nargs="+", help="other numbers of people")
    options = parser.parse_args()
    sizes = options.people or (QUICK_PEOPLE if options.quick else PEOPLE)
    figures: dict[str, float] = {}
    for people in sizes:
        figures |= {f"{name}_{people}": value for name, value in _measure(people).items()}
        print(
            {name: round(value, 2) for name, value in figures.items() if name.endswith(f"_{people}")}, file=sys.stderr
        )
    for fewer, more in pairwise(sizes):
        grown = log(figures[f"cpu_s_{more}"] / figures[f"cpu_s_{fewer}"]) / log(more / fewer)
        figures[f"exponent_{fewer}_{more}"] = grown
    figures["exponent"] = max((value for name, value in figures.items() if name.startswith("exponent_")), default=0.0)
    samples = {"faces_per_person": drawn_builds.FACES, "recognitions": RECOGNITIONS, "people": max(sizes)}
    report("growth", figures, samples)


def _measure(people: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        _alone(_begin, data, people)
        built = _alone(_build, data, people)
        asked = _alone(_recognize, data, people)
        known = _alone(_introduce, data, people)
        meanwhile = _alone(_recognize_meanwhile, data, people)
        added = _alone(_train_added, data, people)
        forgotten = _alone(_forget, data, people)
    return {
        "seconds": built.seconds,
        "cpu_s": built.cpu_seconds,
        "rss_mb": built.megabytes,
        "bundle_mb": built.figure,
        "recognize_ms": asked.figure,
        "recognizer_rss_mb": asked.megabytes,
        "add_known_s": known.seconds,
        "add_known_cpu_s": known.cpu_seconds,
        "add_known_rss_mb": known.megabytes,
        "add_known_recognize_ms": meanwhile.figure,
        "add_person_s": known.seconds + added.seconds,
        "add_person_cpu_s": known.cpu_seconds + added.cpu_seconds,
        "add_person_rss_mb": added.megabytes,
        "forget_person_s": forgotten.seconds,
        "forget_person_cpu_s": forgotten.cpu_seconds,
        "forget_accepted_s": forgotten.figure,
    }


def _alone(step: Callable[[Workplace, int], float], data: Path, people: int) -> _Step:
    """A step in a fresh process, whose memory goes with it."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
        took = process.submit(_run, step, data, people).result()
    print(f"{people} people, {step.__name__[1:]}: {took}", file=sys.stderr)
    return took


def _run(step: Callable[[Workplace, int], float], data: Path, people: int) -> _Step:
    with opened_workplace(Settings(data_dir=data)) as workplace:
        before = sum(os.times()[:4])
        seconds, figure = timed(step, workplace, people)
        computed = sum(os.times()[:4]) - before
    # Of the largest of itself and the processes that it waited for; Linux counts in KiB.
    most = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return _Step(seconds, computed, most / 1024, figure)


def _begin(workplace: Workplace, people: int) -> float:
    drawn_builds.begin_build(workplace, people)
    return 0.0


def _build(workplace: Workplace, people: int) -> float:
    """All that a train worker does, from encodings in the tables to the published bundle; its size in MB."""
    runner.run_all(workplace)
    return _bundle(workplace, people, version=1).stat().st_size / 2**20


def _recognize(workplace: Workplace, people: int) -> float:
    return _milliseconds(workplace, people, Recognizer.load(_bundle(workplace, people, version=1)))


def _milliseconds(workplace: Workplace, people: int, recognizer: FaceRecognizer) -> float:
    """Those in which an encoding gets its name, from another face of somebody known."""
    everybody = drawn_builds.population(workplace)
    probes = [everybody.faces(number * 7919 % people, drawn_builds.FACES + 1)[-1:] for number in range(RECOGNITIONS)]
    seconds = [timed(recognizer.identify, probe)[0] for probe in probes]
    return 1000 * statistics.median(seconds)


def _introduce(workplace: Workplace, people: int) -> float:
    """One person more, from the request until another face of theirs is named by what stands in."""
    drawn_builds.add_person(workplace, people)
    probe = drawn_builds.population(workplace).faces(people, drawn_builds.FACES + 1)[-1:]
    found = _standing_in(workplace).identify(probe)[0]
    if found.person != drawn_builds.label_of(people):
        sys.exit(f"Whoever was added to {people} people is not recognized: {found.candidates}")
    return 0.0


def _recognize_meanwhile(workplace: Workplace, people: int) -> float:
    return _milliseconds(workplace, people, _standing_in(workplace))


def _standing_in(workplace: Workplace) -> FaceRecognizer:
    """What a worker recognizes by, which nothing was trained for."""
    serving = builds.serving(workplace.database, drawn_builds.RECOGNIZER)
    recognizer = recognizer_for(workplace, RecognizerCache(), vars(serving))
    assert isinstance(recognizer, GalleryRecognizer), f"version {serving.version} is trained"
    return recognizer


def _train_added(workplace: Workplace, people: int) -> float:
    runner.run_all(workplace)
    _bundle(workplace, people + 1, version=2)
    return 0.0


def _forget(workplace: Workplace, people: int) -> float:
    """Seconds until the person is gone, of those until there is a version without."""
    accepted, _ = timed(
        forget, workplace.database, workplace.storage, drawn_builds.RECOGNIZER, drawn_builds.label_of(people)
    )
    runner.run_all(workplace)
    _bundle(workplace, people, version=3)
    return accepted


def _bundle(workplace: Workplace, people: int, version: int) -> Path:
    """The file of a version that knows so many people; ends the run where it was not built."""
    with workplace.database.read() as connection:
        build: Build = builds.build_of(connection, drawn_builds.RECOGNIZER, version)
    if build.manifest is None or build.bundle is None or len(build.manifest.labels) != people:
        sys.exit(f"Version {version} of {people} people was not built: {build.message}")
    return workplace.storage.bundle(build.recognizer_id, build.bundle)


if __name__ == "__main__":
    main()
