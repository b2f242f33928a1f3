"""A JPEG that lacks its last bytes, as an upload or a copy that broke off leaves it: what of it is still there."""

from math import ceil
from pathlib import Path

import numpy as np

from preprocessor.types import Pixels

#: Pillow's names of the formats that are JPEG throughout.
JPEGS = ("JPEG", "MPO")
#: The marker that ends a JPEG (ITU-T T.81, table B.1). Behind it decoders go on without data: each pixel of the rows
#: that are missing is of this value, the one that no coefficient stands for.
_END, _MISSING = b"\xff\xd9", 128
#: Rows of the largest block of a JPEG, which may be there in part, and those next to it, above and below, which are
#: mixed with it where colours are stored more coarsely.
_BLOCK_ROWS, _MIXED_ROWS = 16, 2


def ended(source: bytes | Path) -> bytes:
    """The bytes of a JPEG and the marker of its end."""
    return (source if isinstance(source, bytes) else source.read_bytes()) + _END


def whole_share(stored: Pixels, scale: float) -> float:
    """The share, 0 to 1, of a picture's rows above those that are missing, at all or in part.

    ``stored`` are its pixels as they are stored, decoded at ``scale``. Of a progressive JPEG all rows are there, less
    finely than they were.
    """
    is_missing = (stored == _MISSING).all(axis=(1, 2))
    there = len(stored) - int(np.argmin(is_missing[::-1])) if not is_missing.all() else 0
    return max(there - ceil(_BLOCK_ROWS * scale) - _MIXED_ROWS, 0) / len(stored)
