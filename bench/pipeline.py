"""Pictures to encodings: the face pipeline against the package face_recognition, one thread each.

Pictures are searched as a build searches one person's. And how the pipeline grows with its worker processes, what
memory one of them takes, and how long each step.
"""

import io
import multiprocessing
import os
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from importlib import import_module
from itertools import cycle, islice
from multiprocessing.synchronize import Barrier
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import cv2
import numpy as np
from PIL import Image

from bench.harness import arguments, first_pictures, progress, report, speedup, timed
from bench.pipeline_steps import steps
from constants.settings import Settings
from jobs.table.tasks import ENCODE_BATCH
from jobs.work import stages
from preprocessor.face_pipeline import make_pipeline
from preprocessor.types import Box, EncodedImage

#: Pictures of the data set, and pictures that each count of workers encodes in a round; a short run takes fewer.
PICTURES, QUICK_PICTURES = 500, 40
SCALING_PICTURES, QUICK_SCALING_PICTURES = 480, 80
#: Rounds of one worker and of two in turn, of which the median ratio counts.
SCALING_ROUNDS, QUICK_SCALING_ROUNDS = 5, 2
#: Pixels of a large photo, and columns and rows of the people in each; a short run takes the first.
LARGE = (4000, 3000)
GRIDS, QUICK_GRIDS = ((1, 1), (2, 1), (3, 1), (2, 2), (3, 2), (3, 2)), ((2, 1),)
#: What makes two boxes the same face.
SAME_IOU = 0.5
#: Bytes in a megabyte.
MEGA = 1_000_000


class Memory(NamedTuple):
    """Resident memory of a process, in bytes."""

    after_pictures: int
    after_photos: int


def main() -> None:
    options = arguments(__doc__)
    other = _face_recognition()
    quick: bool = options.quick
    files = first_pictures(options.dataset, QUICK_PICTURES if quick else PICTURES)
    pictures = [file.read_bytes() for file in files]
    photos = _large_photos(pictures, QUICK_GRIDS if quick else GRIDS)
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data_dir=Path(folder), detector="every", encoder="onnx", views=2)
        figures = _against_face_recognition(other, settings, pictures, photos)
        count, rounds = (QUICK_SCALING_PICTURES, QUICK_SCALING_ROUNDS) if quick else (SCALING_PICTURES, SCALING_ROUNDS)
        figures["two_worker_scaling"] = _scaling(settings, list(islice(cycle(pictures), count)), rounds)
        memory = _memory(settings, pictures, photos)
        figures |= steps(settings, pictures)
    figures["worker_rss_mb"] = memory.after_pictures / MEGA
    figures["worker_rss_mb_12mp"] = memory.after_photos / MEGA
    report("pipeline", figures, {"pictures": len(pictures), "photos_12mp": len(photos), "scaling_rounds": rounds})


def _large_photos(pictures: Sequence[bytes], grids: Iterable[tuple[int, int]]) -> list[bytes]:
    """JPEG photos of twelve megapixels, each with one picture's people in every cell of a grid."""
    people = iter(pictures)
    return [_tiled([next(people) for _ in range(columns * rows)], columns, rows) for columns, rows in grids]


def _tiled(people: Sequence[bytes], columns: int, rows: int) -> bytes:
    width, height = LARGE[0] // columns, LARGE[1] // rows
    side = min(width, height)
    photo = Image.new("RGB", LARGE, (90, 100, 110))
    for index, person in enumerate(people):
        row, column = divmod(index, columns)
        portrait = Image.open(io.BytesIO(person)).resize((side, side), Image.Resampling.LANCZOS)
        photo.paste(portrait, (column * width, row * height))
    buffer = io.BytesIO()
    photo.save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def _face_recognition() -> ModuleType:
    """The other side, which is installed for this bench alone."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its weights' package asks the deprecated pkg_resources for its files
        try:
            module: ModuleType = import_module("face_recognition")
        except (ImportError, SystemExit):  # it ends the process where its weights cannot be imported
            sys.exit("Install what this compares with: pip install --no-deps -r bench/requirements-pipeline.txt")
    return module


def _against_face_recognition(
    other: ModuleType, settings: Settings, pictures: Sequence[bytes], photos: Sequence[bytes]
) -> dict[str, float]:
    pipeline = make_pipeline(settings)

    def ours(batch: Sequence[bytes]) -> list[EncodedImage]:
        encoded = pipeline.encode(batch, every_face=False)
        return [image for image in encoded if isinstance(image, EncodedImage)]

    def theirs(batch: Sequence[bytes]) -> list[object]:
        return [other.face_encodings(other.load_image_file(io.BytesIO(data))) for data in batch]

    ours(pictures[:1]), theirs(pictures[:1])  # what is loaded once
    slow, fast, _ = _in_turn(theirs, ours, _batches(pictures), "pictures")
    slow_large, fast_large, found = _in_turn(theirs, ours, [[photo] for photo in photos], "12-megapixel photos")
    expected = [_boxes(other, photo) for photo in progress(photos, "faces of 12-megapixel photos")]
    return {
        "speedup_vs_face_recognition": speedup(slow, fast),
        "speedup_12mp": speedup(slow_large, fast_large),
        "same_faces_12mp": _share_found(expected, [image for (image,) in found]),
        "images_per_second": len(pictures) / sum(fast),
        "photos_12mp_per_second": len(photos) / sum(fast_large),
    }


def _batches(pictures: Sequence[bytes]) -> list[Sequence[bytes]]:
    """As many pictures at once as a worker of the service is handed."""
    return [pictures[start : start + ENCODE_BATCH] for start in range(0, len(pictures), ENCODE_BATCH)]


def _in_turn(
    theirs: Callable[[Sequence[bytes]], object],
    ours: Callable[[Sequence[bytes]], list[EncodedImage]],
    batches: Sequence[Sequence[bytes]],
    label: str,
) -> tuple[list[float], list[float], list[list[EncodedImage]]]:
    """Seconds that both sides took for every batch, and what ours found."""
    slow, fast, found = [], [], []
    for batch in progress(batches, label):
        slow.append(timed(theirs, batch)[0])
        seconds, images = timed(ours, batch)
        fast.append(seconds)
        found.append(images)
    return slow, fast, found


def _boxes(other: ModuleType, photo: bytes) -> list[Box]:
    locations = other.face_locations(other.load_image_file(io.BytesIO(photo)))
    return [Box(left, top, right, bottom) for top, right, bottom, left in locations]


def _share_found(expected: Sequence[Sequence[Box]], found: Sequence[EncodedImage]) -> float:
    """Which share of the other side's faces is among ours."""
    matched = [
        any(_overlap(box, face.detected.box) >= SAME_IOU for face in image.faces)
        for boxes, image in zip(expected, found, strict=True)
        for box in boxes
    ]
    return float(np.mean(matched))


def _overlap(a: Box, b: Box) -> float:
    """Intersection over union."""
    common = Box(max(a.left, b.left), max(a.top, b.top), min(a.right, b.right), min(a.bottom, b.bottom)).area
    return common / (a.area + b.area - common)


def _scaling(settings: Settings, pictures: Sequence[bytes], rounds: int) -> float:
    """Throughput of two processes that run the encode stage over that of one, on the same pictures."""
    batches = _batches(pictures)
    one, two = [], []
    with _workers(1, settings, batches[0]) as single, _workers(2, settings, batches[0]) as pair:
        for _ in progress(range(rounds), "one worker, two workers"):
            one.append(timed(_encode_all, single, settings, batches)[0])
            two.append(timed(_encode_all, pair, settings, batches)[0])
    return speedup(one, two)


def _workers(count: int, settings: Settings, batch: Sequence[bytes]) -> ProcessPoolExecutor:
    """New processes, each with its own pipeline; none starts to work before all have encoded ``batch``."""
    spawn = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(count, spawn, _prepare, (spawn.Barrier(count), settings, batch))


def _prepare(all_ready: Barrier, settings: Settings, batch: Sequence[bytes]) -> None:
    cv2.setNumThreads(1)
    _encode(batch, settings)
    all_ready.wait()


def _encode_all(pool: ProcessPoolExecutor, settings: Settings, batches: Sequence[Sequence[bytes]]) -> None:
    list(pool.map(_encode, batches, [settings] * len(batches)))


def _encode(batch: Sequence[bytes], settings: Settings) -> int:
    # Counted, not returned: a real worker writes what it found and sends nothing back.
    return len(stages.encode(batch, settings, every_face=False))


def _memory(settings: Settings, pictures: Sequence[bytes], photos: Sequence[bytes]) -> Memory:
    """Of a new process that encodes the pictures and then the large photos."""
    with _workers(1, settings, pictures[:1]) as pool:
        _encode_all(pool, settings, _batches(pictures))
        after_pictures = pool.submit(_resident).result()
        _encode_all(pool, settings, [[photo] for photo in photos])
        return Memory(after_pictures, pool.submit(_resident).result())


def _resident() -> int:
    """Bytes of this process in memory; 0 where the system does not say."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    main()
