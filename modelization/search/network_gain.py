"""What a network gains over the rule that asks none."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

#: Draws of the bootstrap, and the share of them that its interval holds.
_DRAWS, _CONFIDENCE = 2000, 0.95


@dataclass(frozen=True)
class NetworkGain:
    """Known faces not named rightly by the rule ``alone``, and the share of them that the network ``gained``.

    ``low`` and ``high`` end its 95 % interval. All are shares of the judged faces.
    """

    alone: float
    gained: float
    low: float
    high: float

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def network_gain(
    alone: npt.NDArray[np.floating], network: npt.NDArray[np.floating], people: npt.NDArray[np.int64], seed: int
) -> NetworkGain | None:
    """The gain in known faces named rightly, from the margins (n,) of both; None of a person alone.

    The interval is of the bootstrap over people (Efron 1979), since the faces of one are alike.
    """
    who, index = np.unique(people, return_inverse=True)
    if len(who) < 2:
        return None
    gained = (network > 0).astype(np.float64) - (alone > 0)
    by_person, faces = np.bincount(index, gained), np.bincount(index)
    drawn = np.random.default_rng(seed).integers(len(who), size=(_DRAWS, len(who)))
    found = by_person[drawn].sum(axis=1) / faces[drawn].sum(axis=1)
    low, high = np.quantile(found, [(1 - _CONFIDENCE) / 2, (1 + _CONFIDENCE) / 2])
    return NetworkGain(float((alone <= 0).mean()), float(gained.mean()), float(low), float(high))
