"""A share of so many, and how far it can be trusted."""

from dataclasses import dataclass
from math import sqrt

#: Standard deviations of a normal on either side of its mean that hold 95 % of it.
_INTERVAL_Z = 1.959964


@dataclass(frozen=True)
class Proportion:
    """``count`` of ``total`` as a ``share``, with its 95 % interval from ``low`` to ``high``, all in [0, 1]."""

    count: int
    total: int
    share: float
    low: float
    high: float


def proportion(count: int, total: int) -> Proportion | None:
    """``count`` of ``total`` with the interval of Wilson (1927), or None of nothing.

    Unlike the textbook's, it is not empty where all or none succeeded, and holds for few.
    """
    if not total:
        return None
    share, z2 = count / total, _INTERVAL_Z**2
    centre = (share + z2 / (2 * total)) / (1 + z2 / total)
    half = _INTERVAL_Z * sqrt(share * (1 - share) / total + z2 / (4 * total**2)) / (1 + z2 / total)
    # At none and at all the ends are 0 and 1, up to rounding.
    return Proportion(count, total, share, max(0.0, min(share, centre - half)), min(1.0, max(share, centre + half)))
