"""A reader of dlib's serialized shape predictors: a file in, its regression trees out as arrays.

The whole file is integers as in ``integers``; a matrix begins with its negative rows and columns; a list
begins with its length. First come the version and the initial shape, then for each
cascade its trees (each a list of splits, two features and a threshold, and one of leaves, a matrix each),
then for each cascade the landmark that each feature is anchored at, and the offsets from there.
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from constants.exceptions import WeightsError
from preprocessor.dlib_files.integers import IntegerReader, Integers, numbers

_Floats = npt.NDArray[np.float32]

#: Splits that lead to a leaf, and splits of a tree.
DEPTH = 4
SPLITS = 2**DEPTH - 1


@dataclass(frozen=True)
class ShapePredictor:
    """An ensemble of regression trees (Kazemi and Sullivan 2014).

    Of ``cascades`` with ``trees`` of ``splits`` each, landmarks being x and y in the unit square of a box:
    ``initial`` is float32 (landmarks, 2); ``first``, ``second`` int64 and ``threshold`` float32 (cascades,
    trees, splits) a split's features and its limit; ``leaves`` float32 (cascades, trees, splits + 1,
    landmarks, 2); ``anchors`` int64 (cascades, features) and ``offsets`` float32 (cascades, features, 2).
    """

    initial: _Floats
    first: Integers
    second: Integers
    threshold: _Floats
    leaves: _Floats
    anchors: Integers
    offsets: _Floats


@lru_cache(maxsize=1)
def read_shape_predictor(path: Path) -> ShapePredictor:
    """The predictor in a file. Raises ``WeightsError`` for anything but what is described above."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise WeightsError(f"{path.name} cannot be read: {error.strerror}.") from error
    reader = IntegerReader(content, path.name, "shape predictor")
    reader.expect(1)
    landmarks = _landmarks(reader)
    cascades, trees = reader.count(), reader.peek()
    first, second, threshold, leaves = (
        np.stack(part)
        for part in zip(*(_read_forest(reader, trees, landmarks.size) for _ in range(cascades)), strict=True)
    )
    reader.expect(cascades)
    features = reader.peek()
    anchors = np.stack([reader.list(features, 1)[:, 0] for _ in range(cascades)])
    reader.expect(cascades)
    offsets = np.stack([_floats(reader.list(features, 4)) for _ in range(cascades)])
    reader.end()
    for indices, count in ((first, features), (second, features), (anchors, len(landmarks))):
        if not 0 <= indices.min() <= indices.max() < count:
            raise reader.error("a split or a feature refers to nothing")
    if not all(np.isfinite(values).all() for values in (landmarks, threshold, leaves, offsets)):
        raise reader.error("a number is not finite")
    return ShapePredictor(
        landmarks, first, second, threshold, leaves.reshape(*leaves.shape[:3], -1, 2), anchors, offsets
    )


def _landmarks(reader: IntegerReader) -> _Floats:
    column = reader.column().astype(np.float32)
    if column.size % 2:
        raise reader.error("a shape does not hold points")
    return column.reshape(-1, 2)


def _read_forest(reader: IntegerReader, trees: int, size: int) -> tuple[Integers, Integers, _Floats, _Floats]:
    """Features and thresholds of a cascade's splits, and leaves of ``size`` numbers.

    Trees of equal depth have equally many integers, and make a table of them.
    """
    leaf = 2 + 2 * size
    table = reader.list(trees, 2 + 4 * SPLITS + leaf * (SPLITS + 1))
    inner, outer = table[:, : 1 + 4 * SPLITS], table[:, 1 + 4 * SPLITS :]
    splits, leaves = inner[:, 1:].reshape(trees, SPLITS, 4), outer[:, 1:].reshape(trees, SPLITS + 1, leaf)
    if (inner[:, 0] != SPLITS).any() or (outer[:, 0] != SPLITS + 1).any() or (leaves[..., :2] != (-size, -1)).any():
        raise reader.error("a tree has another shape")
    return splits[..., 0], splits[..., 1], _floats(splits[..., 2:])[..., 0], _floats(leaves[..., 2:])


def _floats(pairs: Integers) -> _Floats:
    """Mantissas and powers of two in turn along the last axis, as half as many numbers."""
    with np.errstate(over="ignore"):
        return numbers(pairs).astype(np.float32)
