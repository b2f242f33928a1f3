"""A reader of dlib's serialized fHOG object detectors: what ``fhog_object_detector.save`` writes, as arrays.

It is integers as in ``integers``. First come the version, and how pictures are scanned: its version, two
zeros for a pyramid that is not kept, the cell's side, the padding, the window's width and height, the largest
number of scales, the smallest scale's width and height, a number that only training uses, and how many weights
a filter has. Then come the two limits of overlapping boxes, and how many filters there are, each a matrix of one
column: for each feature the weights of the window's cells, row by row, and last the threshold.
"""

import hashlib
import tempfile
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import dlib
import numpy as np
import numpy.typing as npt

from preprocessor.dlib_files.integers import IntegerReader
from preprocessor.dlib_files.network_format import BoxOverlap

#: Numbers of a cell: 18 directions, 9 without their sign, and 4 of texture.
FEATURES = 31


@dataclass(frozen=True)
class FhogDetector:
    """Linear filters on fHOG features, float32 (filters, 31, rows, columns) in cells, and a threshold of each.

    ``cell`` and ``window``, width and height, are in pixels; ``smallest`` are the width and height in pixels
    under which there is no further scale. ``sha256`` is that of the serialized detector.
    """

    filters: npt.NDArray[np.float32]
    thresholds: npt.NDArray[np.float64]
    cell: int
    window: tuple[int, int]
    smallest: tuple[int, int]
    overlap: BoxOverlap
    sha256: str

    def halved(self) -> "FhogDetector":
        """The same filters on cells of half the side, for faces of half the size."""
        width, height = self.window
        least_width, least_height = self.smallest
        return replace(
            self,
            cell=self.cell // 2,
            window=(width // 2, height // 2),
            smallest=(least_width // 2, least_height // 2),
        )


@cache
def frontal_face_detector() -> FhogDetector:
    """The detector of frontal faces that is part of dlib."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "frontal_face_detector.svm"
        dlib.get_frontal_face_detector().save(str(path))
        return read_fhog_detector(path.read_bytes(), path.name)


def read_fhog_detector(content: bytes, name: str) -> FhogDetector:
    """The detector in a file's content. Raises ``WeightsError`` for anything but what is described above."""
    reader = IntegerReader(content, name, "face detector")
    reader.expect(2, 1, 0, 0)
    cell = reader.count()
    reader.expect(0)
    width, height = reader.count(), reader.count()
    reader.count()
    smallest = reader.count(), reader.count()
    reader.floats(1)
    reader.expect(FEATURES * (height // cell) * (width // cell))
    iou, covered = reader.floats(2)
    weights = np.stack([_filter(reader, width // cell * (height // cell)) for _ in range(reader.count())])
    reader.end()
    if not np.isfinite(weights).all():
        raise reader.error("a number is not finite")
    return FhogDetector(
        filters=weights[:, :-1].reshape(-1, FEATURES, height // cell, width // cell).astype(np.float32),
        thresholds=weights[:, -1],
        cell=cell,
        window=(width, height),
        smallest=smallest,
        overlap=BoxOverlap(float(iou), float(covered)),
        sha256=hashlib.sha256(content).hexdigest(),
    )


def _filter(reader: IntegerReader, cells: int) -> npt.NDArray[np.float64]:
    weights = reader.column()
    if len(weights) != FEATURES * cells + 1:
        raise reader.error("a filter has another size")
    return weights
