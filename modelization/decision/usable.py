"""Which encodings can be judged at all: one that is nothing, or holds what is not a number, is nobody's."""

import numpy as np
import numpy.typing as npt

#: Squared lengths between which an encoding is one: lengths to a factor of four either way of dlib's, 1.4, which
#: differ by a twentieth. Evidence of longer ones grows beyond what float32 can add up to a confidence. Zero, NaN and
#: infinity fail the one comparison or the other.
LEAST_SQUARE, MOST_SQUARE = 0.125, 32.0


def usable(encodings: npt.NDArray[np.floating]) -> npt.NDArray[np.bool_]:
    """Whether each of raw encodings (n, 128) can be judged, (n,)."""
    square = (np.asarray(encodings, np.float64) ** 2).sum(axis=1)
    return np.asarray((square >= LEAST_SQUARE) & (square <= MOST_SQUARE))
