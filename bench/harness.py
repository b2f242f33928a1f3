"""What all benchmarks share: their options, the timing of two sides, and the line of figures."""

import argparse
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

from tqdm import tqdm

Item = TypeVar("Item")
Result = TypeVar("Result")

#: Distributions whose versions change figures.
_DISTRIBUTIONS = ("numpy", "opencv-python-headless", "dlib-bin", "onnxruntime")


def arguments(description: str, plot: str = "") -> argparse.Namespace:
    """The options ``dataset``, a folder with a folder of pictures for each person, and ``quick``.

    Where ``plot`` says what a bench can draw, ``plot`` also names the file to draw it in.
    """
    default = os.environ.get("FACIAL_TEST_DATASET") or Path(__file__).parents[2] / "shared" / "data" / "lfw-dev"
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--dataset", type=Path, default=Path(default), help="a folder-per-person data set")
    parser.add_argument("--quick", action="store_true", help="a short run on fewer samples")
    if plot:
        parser.add_argument("--plot", type=Path, metavar="FILE.png", help=plot)
    parsed = parser.parse_args()
    if not parsed.dataset.is_dir():
        parser.error(f"there is no data set in {parsed.dataset}; name one with --dataset")
    return parsed


def first_pictures(dataset: Path, count: int) -> list[Path]:
    """One picture of each of the first people; ends the run where there are too few."""
    people = sorted(person for person in dataset.iterdir() if person.is_dir())
    firsts = (min(person.glob("*.jpg"), default=None) for person in people)
    pictures = [picture for picture in firsts if picture is not None][:count]
    if len(pictures) < count:
        sys.exit(f"{dataset} has pictures of {len(pictures)} people only; {count} are needed.")
    return pictures


def progress(items: Iterable[Item], label: str) -> Iterable[Item]:
    bar: Iterable[Item] = tqdm(items, desc=label, file=sys.stderr)
    return bar


def timed(task: Callable[..., Result], *arguments: Any) -> tuple[float, Result]:
    """Seconds that a task took, and its result."""
    start = time.perf_counter()
    result = task(*arguments)
    return time.perf_counter() - start, result


def worked(task: Callable[..., Result], *arguments: Any) -> tuple[float, Result]:
    """Seconds of this process's processor time that a task took, which other processes change less; and its result."""
    start = time.process_time()
    result = task(*arguments)
    return time.process_time() - start, result


def speedup(theirs: Sequence[float], ours: Sequence[float]) -> float:
    """The median over pairs of times taken one right after the other, so that a busy machine slows both."""
    return statistics.median(other / own for other, own in zip(theirs, ours, strict=True))


def report(bench: str, figures: dict[str, float], samples: dict[str, int]) -> None:
    """Prints the one line of JSON that a run ends with."""
    line: dict[str, Any] = {
        "bench": bench,
        "figures": {name: float(f"{value:.4g}") for name, value in figures.items()},
        "samples": samples,
        "versions": {"python": platform.python_version(), **{name: version(name) for name in _DISTRIBUTIONS}},
        "machine": {"processor": _processor(), "cores": os.cpu_count()},
    }
    print(json.dumps(line), flush=True)


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())
