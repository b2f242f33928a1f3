"""An encoding from several views of a chip, which is steadier than one from a single view."""

from collections.abc import Callable, Sequence

import cv2
import numpy as np
import numpy.typing as npt

from constants.faces import CHIP_SIDE, VIEW_ROTATION
from preprocessor.encoder import Encoder
from preprocessor.types import Floats, Pixels

#: Of faces, by their encodings from one view, float32 (n, 128), which are in doubt, bool (n,).
InDoubt = Callable[[Floats], npt.NDArray[np.bool_]]
_View = Callable[[Pixels], Pixels]


class ViewsEncoder(Encoder):
    """The mean of the encodings of ``views`` views of a chip, by another encoder.

    ``views`` is 1, 2 or 6: 1 is the chip itself, 2 adds its mirror image, 6 adds both of
    these turned by a few degrees either way.
    """

    name = "views"

    def __init__(self, encoder: Encoder, views: int) -> None:
        self._encoder = encoder
        self._views = _VIEWS[views]

    def encode_in_doubt(self, chips: Pixels, in_doubt: InDoubt) -> Floats:
        """As ``encode``, of one view alone where that leaves no doubt."""
        if len(self._views) == 1 or not len(chips):
            return self.encode(chips)
        encodings = self._encoder.encode(chips)
        doubtful = np.flatnonzero(in_doubt(encodings))
        if len(doubtful):
            more = self._seen(chips[doubtful], self._views[1:])
            encodings[doubtful] = _mean(np.concatenate([encodings[doubtful][None], more]))
        return encodings

    def _encode(self, chips: Pixels) -> Floats:
        return _mean(self._seen(chips, self._views))

    def _seen(self, chips: Pixels, views: Sequence[_View]) -> Floats:
        """Encodings (views, n, 128) of chips."""
        seen = np.concatenate([view(chips) for view in views])
        return self._encoder.encode(seen).reshape(len(views), len(chips), -1)


def _mean(encodings: Floats) -> Floats:
    return np.asarray(encodings.mean(axis=0, dtype=np.float64), np.float32)


def _as_it_is(chips: Pixels) -> Pixels:
    return chips


def _mirrored(chips: Pixels) -> Pixels:
    return chips[:, :, ::-1]


def _turned(degrees: float) -> _View:
    centre = (CHIP_SIDE - 1) / 2
    matrix = cv2.getRotationMatrix2D((centre, centre), degrees, 1.0)

    def turn(chips: Pixels) -> Pixels:
        size = (CHIP_SIDE, CHIP_SIDE)
        return np.stack([cv2.warpAffine(chip, matrix, size, borderMode=cv2.BORDER_REPLICATE) for chip in chips])

    return turn


def _turned_mirrored(degrees: float) -> _View:
    turn = _turned(degrees)
    return lambda chips: turn(_mirrored(chips))


_VIEWS: dict[int, tuple[_View, ...]] = {
    1: (_as_it_is,),
    2: (_as_it_is, _mirrored),
    6: (
        _as_it_is,
        _mirrored,
        _turned(VIEW_ROTATION),
        _turned(-VIEW_ROTATION),
        _turned_mirrored(VIEW_ROTATION),
        _turned_mirrored(-VIEW_ROTATION),
    ),
}
