"""dlib's serialized integers: a control byte each, and little-endian bytes.

The control byte says in its low four bits how many bytes follow, and in its top bit whether the number is
negative. A number with a fraction is two of them, a mantissa and a power of two.
"""

import numpy as np
import numpy.typing as npt

from constants.exceptions import WeightsError

Integers = npt.NDArray[np.int64]

#: Bytes of the longest integer.
_MAX_BYTES = 8


class IntegerReader:
    """The integers of a file that holds nothing else, read in tables.

    ``wanted`` is what the file should be: whatever else is found in it is told of as not being that.
    """

    def __init__(self, content: bytes, name: str, wanted: str) -> None:
        self._name = name
        self._wanted = wanted
        self._position = 0
        if not content:
            raise self.error("it is empty")
        self._values = self._decoded(content)

    def error(self, problem: str) -> WeightsError:
        return WeightsError(f"{self._name} is not dlib's published {self._wanted}: {problem}.")

    def expect(self, *wanted: int) -> None:
        for value in wanted:
            if self.table(1, 1)[0, 0] != value:
                raise self.error(f"integer {self._position - 1} is not {value}")

    def end(self) -> None:
        if self._position != len(self._values):
            raise self.error(f"there is more than a {self._wanted.split()[-1]}")

    def count(self) -> int:
        """The length of a list or the like, 1 or more."""
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

    def list(self, rows: int, columns: int) -> Integers:
        """A list of so many rows, as (rows, columns)."""
        self.expect(rows)
        return self.table(rows, columns)

    def table(self, rows: int, columns: int) -> Integers:
        """The next integers, as (rows, columns)."""
        if rows * columns > len(self._values) - self._position:
            raise self.error("it ends early")
        self._position += rows * columns
        return self._values[self._position - rows * columns : self._position].reshape(rows, columns)

    def floats(self, count: int) -> npt.NDArray[np.float64]:
        """The next numbers with fractions, float64 (count,)."""
        return numbers(self.table(1, 2 * count)).reshape(-1)

    def column(self) -> npt.NDArray[np.float64]:
        """A matrix of one column, float64 (rows,): minus its rows, minus one, and its numbers."""
        rows = -int(self.table(1, 1)[0, 0])
        self.expect(-1)
        if rows < 1:
            raise self.error("a matrix is empty")
        return self.floats(rows)

    def _decoded(self, content: bytes) -> Integers:
        found, position = [0], 0
        while (position := position + 1 + (content[position] & 0x0F)) < len(content):
            found.append(position)
        starts, values = np.array(found), np.frombuffer(content, np.uint8)
        control = values[starts]
        sizes = control & 0x0F
        if position != len(content) or not 1 <= sizes.min() <= sizes.max() <= _MAX_BYTES or (control & 0x70).any():
            raise self.error("an integer has a wrong control byte")
        integers = np.zeros(len(starts), np.int64)
        for byte in range(sizes.max()):
            longer = np.flatnonzero(sizes > byte)
            integers[longer] |= values[starts[longer] + 1 + byte].astype(np.int64) << (8 * byte)
        return np.where(control & 0x80, -integers, integers)


def numbers(pairs: Integers) -> npt.NDArray[np.float64]:
    """Mantissas and powers of two in turn along the last axis, as half as many numbers."""
    mantissas, powers = pairs[..., ::2], pairs[..., 1::2]
    with np.errstate(over="ignore"):
        return np.ldexp(mantissas.astype(np.float64), np.clip(powers, -1100, 900))
