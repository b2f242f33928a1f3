"""How high strangers score: the threshold that lets a given share of them be named."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

_Floats = npt.NDArray[np.float64]

#: Shares of strangers named that thresholds are kept for, from most to least.
SHARES = (0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001, 0.0005)
#: Galleries are put into so many groups by their people, and each of these into so many by their pictures.
_GROUPS = 6, 3


@dataclass(frozen=True)
class StrangerScores:
    """Best logits (n,) of strangers in a gallery of so many people, whose mean of 1 / faces is ``inverse_faces``."""

    people: int
    inverse_faces: float
    logits: _Floats


@dataclass(frozen=True)
class StrangerTail:
    """For each of ``SHARES`` a threshold, linear in ``_shape`` of a gallery; ``coefficients`` is (len(SHARES), 4)."""

    coefficients: tuple[tuple[float, ...], ...]

    def threshold(self, share: float, people: int, inverse_faces: float) -> float:
        """The logit above which ``share`` of strangers score, between and beyond the shares by their logarithm."""
        levels = np.array(self.coefficients) @ _shape(people, inverse_faces)
        x = -np.log(SHARES)
        beyond = -np.log(share)
        if beyond > x[-1]:
            # Tails of logits fall off exponentially, so that a threshold is linear in a share's logarithm.
            slope = (levels[-1] - levels[-4]) / (x[-1] - x[-4])
            return float(levels[-1] + slope * (beyond - x[-1]))
        return float(np.interp(beyond, x, levels))


def fit_tail(galleries: Sequence[StrangerScores]) -> StrangerTail:
    """The tail that names, on average over these galleries, exactly each share of their strangers.

    A gallery alone has too few strangers to show one in a thousand. So galleries alike in size are taken
    together: how much their thresholds differ from those of the share before is fitted by least squares.
    """
    shapes = np.array([_shape(gallery.people, gallery.inverse_faces) for gallery in galleries])
    groups = _groups(galleries)
    moved = np.zeros(shapes.shape[1])
    coefficients = []
    for share in SHARES:
        left = [gallery.logits - shape @ moved for gallery, shape in zip(galleries, shapes, strict=True)]
        found = [_quantile([left[number] for number in group], 1 - share) for group in groups]
        centres = np.array([shapes[group].mean(axis=0) for group in groups])
        moved = moved + np.linalg.lstsq(centres, np.array(found), rcond=None)[0]
        left = [gallery.logits - shape @ moved for gallery, shape in zip(galleries, shapes, strict=True)]
        moved[0] += _quantile(left, 1 - share)
        coefficients.append(tuple(moved.tolist()))
    return StrangerTail(tuple(coefficients))


def _groups(galleries: Sequence[StrangerScores]) -> list[npt.NDArray[np.int64]]:
    """Galleries alike in the number of people and, among these, of pictures."""
    by_people = np.argsort([gallery.people for gallery in galleries], kind="stable")
    groups = []
    for alike in np.array_split(by_people, _GROUPS[0]):
        by_pictures = np.argsort([galleries[number].inverse_faces for number in alike], kind="stable")
        groups += [alike[part] for part in np.array_split(by_pictures, _GROUPS[1]) if len(part)]
    return groups


def _shape(people: int, inverse_faces: float) -> _Floats:
    """The regressors of a gallery's threshold, (4,).

    More people are more chances for a stranger, and means of few pictures are less alike than those of many.
    """
    return np.array([1.0, np.log(people), inverse_faces, np.log(people) * inverse_faces])


def _quantile(scores: Sequence[_Floats], share: float) -> float:
    """Of several galleries' scores together, each gallery weighing the same."""
    values = np.concatenate(scores)
    weights = np.concatenate([np.full(len(own), 1 / len(own)) for own in scores])
    order = np.argsort(values)
    below = np.cumsum(weights[order])
    return float(values[order][min(np.searchsorted(below, share * below[-1]), len(values) - 1)])
