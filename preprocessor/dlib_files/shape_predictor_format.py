"""A reader of dlib's serialized shape predictors: a file in, its regression trees out as arrays.

The whole file is integers, each a control byte and little-endian bytes as in ``dlib_format``. A number
with a fraction is two of them, a mantissa and a power of two; a matrix begins with its negative rows and
columns; a list begins with its length. First come the version and the initial shape, then for each
cascade its trees (each a list of splits, two features and a threshold, and one of leaves, a matrix each),
then for each cascade the landmark that each feature is anchored at, and the offsets from there.
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from constants.exceptions import WeightsError

_Integers = npt.NDArray[np.int64]
_Floats = npt.NDArray[np.float32]

#: Bytes of the longest integer.
_MAX_BYTES = 8
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
    first: _Integers
    second: _Integers
    threshold: _Floats
    leaves: _Floats
    anchors: _Integers
    offsets: _Floats


@lru_cache(maxsize=1)
def read_shape_predictor(path: Path) -> ShapePredictor:
    """The predictor in a file. Raises ``WeightsError`` for anything but what is described above."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise WeightsError(f"{path.name} cannot be read: {error.strerror}.") from error
    reader = _Reader(content, path.name)
    reader.expect(1)
    landmarks = reader.matrix().reshape(-1, 2)
    cascades, trees = reader.count(), reader.peek()
    first, second, threshold, leaves = (
        np.stack(part)
        for part in zip(*(_read_forest(reader, trees, landmarks.size) for _ in range(cascades)), strict=True)
    )
    reader.expect(cascades)
    features = reader.peek()
    anchors = np.stack([reader.list(features, 1)[:, 0] for _ in range(cascades)])
    reader.expect(cascades)
    offsets = np.stack([_numbers(reader.list(features, 4)) for _ in range(cascades)])
    reader.end()
    for indices, count in ((first, features), (second, features), (anchors, len(landmarks))):
        if not 0 <= indices.min() <= indices.max() < count:
            raise reader.error("a split or a feature refers to nothing")
    if not all(np.isfinite(values).all() for values in (landmarks, threshold, leaves, offsets)):
        raise reader.error("a number is not finite")
    return ShapePredictor(
        landmarks, first, second, threshold, leaves.reshape(*leaves.shape[:3], -1, 2), anchors, offsets
    )


class _Reader:
    """The integers of a file, read in tables."""

    def __init__(self, content: bytes, name: str) -> None:
        self._name = name
        self._position = 0
        if not content:
            raise self.error("it is empty")
        self._values = self._decoded(content)

    def error(self, problem: str) -> WeightsError:
        return WeightsError(f"{self._name} is not dlib's published shape predictor: {problem}.")

    def expect(self, wanted: int) -> None:
        if self.table(1, 1)[0, 0] != wanted:
            raise self.error(f"integer {self._position - 1} is not {wanted}")

    def end(self) -> None:
        if self._position != len(self._values):
            raise self.error("there is more than a predictor")

    def count(self) -> int:
        value = self.peek()
        self._position += 1
        return value

    def peek(self) -> int:
        """The length of the list that begins here."""
        value = int(self.table(1, 1)[0, 0])
        self._position -= 1
        if value < 1:
            raise self.error("a list is empty")
        return value

    def list(self, rows: int, columns: int) -> _Integers:
        """A list of so many rows, as (rows, columns)."""
        self.expect(rows)
        return self.table(rows, columns)

    def table(self, rows: int, columns: int) -> _Integers:
        """The next integers, as (rows, columns)."""
        if rows * columns > len(self._values) - self._position:
            raise self.error("it ends early")
        self._position += rows * columns
        return self._values[self._position - rows * columns : self._position].reshape(rows, columns)

    def matrix(self) -> _Floats:
        """The numbers of a column, float32 (rows,)."""
        rows = -int(self.table(1, 1)[0, 0])
        self.expect(-1)
        if rows < 1 or rows % 2:
            raise self.error("a shape does not hold points")
        return _numbers(self.table(1, 2 * rows).reshape(-1))

    def _decoded(self, content: bytes) -> _Integers:
        starts, position = [0], 0
        while (position := position + 1 + (content[position] & 0x0F)) < len(content):
            starts.append(position)
        values = np.frombuffer(content, np.uint8)
        control = values[starts]
        sizes = control & 0x0F
        if position != len(content) or not 1 <= sizes.min() <= sizes.max() <= _MAX_BYTES or (control & 0x70).any():
            raise self.error("an integer has a wrong control byte")
        integers = np.zeros(len(starts), np.int64)
        for byte in range(sizes.max()):
            longer = np.flatnonzero(sizes > byte)
            integers[longer] |= values[np.take(starts, longer) + 1 + byte].astype(np.int64) << (8 * byte)
        return np.where(control & 0x80, -integers, integers)


def _read_forest(reader: _Reader, trees: int, size: int) -> tuple[_Integers, _Integers, _Floats, _Floats]:
    """Features and thresholds of a cascade's splits, and leaves of ``size`` numbers.

    Trees of equal depth have equally many integers, and make a table of them.
    """
    leaf = 2 + 2 * size
    table = reader.list(trees, 2 + 4 * SPLITS + leaf * (SPLITS + 1))
    inner, outer = table[:, : 1 + 4 * SPLITS], table[:, 1 + 4 * SPLITS :]
    splits, leaves = inner[:, 1:].reshape(trees, SPLITS, 4), outer[:, 1:].reshape(trees, SPLITS + 1, leaf)
    if (inner[:, 0] != SPLITS).any() or (outer[:, 0] != SPLITS + 1).any() or (leaves[..., :2] != (-size, -1)).any():
        raise reader.error("a tree has another shape")
    return splits[..., 0], splits[..., 1], _numbers(splits[..., 2:])[..., 0], _numbers(leaves[..., 2:])


def _numbers(pairs: _Integers) -> _Floats:
    """Mantissas and powers of two in turn along the last axis, as half as many numbers."""
    mantissas, powers = pairs[..., ::2], pairs[..., 1::2]
    with np.errstate(over="ignore"):
        return np.ldexp(mantissas.astype(np.float64), np.clip(powers, -1100, 900)).astype(np.float32, copy=False)
