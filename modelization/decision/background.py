"""What a network is given before it has seen anybody: how faces at large differ, and strangers among them."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from features.angle_evidence import unit
from modelization.decision.two_covariance import TwoCovariance

#: Strangers that a network is trained against; 3,000 made it no better.
_STRANGERS = 1024

_Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Background:
    """People at large, as their ``model`` tells of them."""

    model: TwoCovariance

    @cached_property
    def strangers(self) -> npt.NDArray[np.float32]:
        """Unit encodings (m, 128) of as many people, who are nobody."""
        return self.draw(_STRANGERS, seed=0)

    def draw(self, count: int, seed: int) -> npt.NDArray[np.float32]:
        """Unit encodings (count, 128) of people who are nobody: they are drawn, of a seed the same every time."""
        return unit(self.model.draw(count, np.random.default_rng(seed))).astype(np.float32)

    @cached_property
    def table(self) -> _Floats:
        """(128, 128): from a unit encoding less the mean to what a network sees, 128 numbers of mean square one.

        They are the model's axes, on which people vary by λ and pictures of one by 1. Each has the variance
        λ / (λ + 1), the share of it that is between people; where people are alike, nothing is left to learn from.
        """
        strengths = self.model.strengths
        shares = strengths / (strengths + 1)
        return np.asarray(self.model.axes * np.sqrt(shares / (strengths + 1)) * np.sqrt(len(shares) / shares.sum()))

    @property
    def offset(self) -> _Floats:
        """(128,): what is added, so that the mean face is zero."""
        return np.asarray(-self.model.mean @ self.table)

    def inputs(self, encodings: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
        """What a network sees of raw encodings (n, 128)."""
        return (unit(encodings) @ self.table + self.offset).astype(np.float32)
