"""How encodings of many people spread: a normal of people, and a normal of the pictures of a person.

The two-covariance model, a form of PLDA (Ioffe 2006; Brümmer and de Villiers 2010), of unit encodings:

    person ~ N(mean, between),    picture ~ N(person, within)

A mean of n pictures x̄ leaves of a person what is to be expected and how far off that may be; both are
independent along the axes in which ``within`` is the identity and ``between`` is diagonal, λ:

    expected = n λ / (1 + n λ) x̄,    spread = λ / (1 + n λ) + 1
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from constants.faces import ENCODING_SIZE
from features.angle_evidence import unit
from modelization.decision.gallery import Gallery

#: Share of the identity in the covariance within people: 0.02 to 0.1 do alike on held-out people, and 0, where
#: directions without any variance count, costs 1.5 points of DIR at an FPIR of 0.1 %.
_WITHIN_SHRINKAGE = 0.05

_Floats = npt.NDArray[np.float64]
_Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Quadratic:
    """A likelihood ratio as a function of a face z on the axes: ``z² @ curve + z @ slope + level``.

    ``curve`` and ``slope`` are (128, people), ``level`` (people,).
    """

    curve: _Floats
    slope: _Floats
    level: _Floats


@dataclass(frozen=True)
class PairQuadratic:
    """A likelihood ratio of a face z and a person m on the axes, which depends on how many pictures m is the mean of:
    ``z² @ curve + (z m) @ slope + m² @ own + level``.

    ``curve``, ``slope`` and ``own`` are (k, 128) and ``level`` (k,), for k numbers of pictures.
    """

    curve: _Floats
    slope: _Floats
    own: _Floats
    level: _Floats


@dataclass(frozen=True)
class TwoCovariance:
    """``mean`` is float64 (128,), ``between`` and ``within`` are (128, 128), of unit encodings."""

    mean: _Floats
    between: _Floats
    within: _Floats

    @cached_property
    def axes(self) -> _Floats:
        """(128, 128), columns along which ``within`` is one and ``between`` is ``strengths``."""
        return np.asarray(self._solved[1])

    @cached_property
    def strengths(self) -> _Floats:
        """(128,): how much further apart people are along an axis than pictures of one, as variances."""
        return np.asarray(np.maximum(self._solved[0], 0.0))

    @cached_property
    def _solved(self) -> tuple[_Floats, _Floats]:
        values, vectors = np.linalg.eigh(self.within)
        whiten = vectors / np.sqrt(values)
        strengths, turned = np.linalg.eigh(whiten.T @ self.between @ whiten)
        return strengths, whiten @ turned

    def project(self, units: _Floats) -> _Floats:
        """Unit encodings or means of them, (n, 128), on the axes."""
        return np.asarray((units - self.mean) @ self.axes)

    def draw(self, count: int, rng: np.random.Generator) -> _Floats:
        """A face (count, 128) of each of so many people who do not exist; nearly at length one."""
        values, vectors = np.linalg.eigh(self.between + self.within)
        # A covariance kept as float32 may have a negative variance of nearly nothing.
        return np.asarray(
            self.mean + (rng.normal(size=(count, len(values))) * np.sqrt(np.maximum(values, 0))) @ vectors.T
        )

    def ratios(self, gallery: Gallery) -> Quadratic:
        """Log-likelihood ratio, in nats, of a face being each person's or anybody's."""
        share, spread, anybody = self._known_from(gallery.faces)
        expected = share * self.project(gallery.unit_means)
        level = -0.5 * (np.log(spread / anybody) + expected**2 / spread).sum(axis=1)
        return Quadratic(-0.5 * (1 / spread - 1 / anybody).T, (expected / spread).T, level)

    def pair_ratios(self, faces: _Integers) -> PairQuadratic:
        """The same for numbers of pictures (k,), with the person left open: people of as many share three tables."""
        share, spread, anybody = self._known_from(faces)
        return PairQuadratic(
            curve=-0.5 * (1 / spread - 1 / anybody),
            slope=share / spread,
            own=-0.5 * share**2 / spread,
            level=-0.5 * np.log(spread / anybody).sum(axis=1),
        )

    def _known_from(self, faces: _Integers) -> tuple[_Floats, _Floats, _Floats]:
        """What so many pictures (k,) tell, on the axes: the share of their mean that is to be expected of the person,
        how far a face then spreads, (k, 128) each, and how far anybody's does, (128,).
        """
        n, strengths = faces[:, None], self.strengths
        known = strengths / (1 + n * strengths)
        return n * known, known + 1, strengths + 1


def estimate(encodings: npt.NDArray[np.floating], people: _Integers) -> TwoCovariance:
    """The model of raw encodings (n, 128) of many people, some of them with several pictures.

    ``within`` is shrunk towards a multiple of the identity (Ledoit and Wolf 2004): in some directions
    dlib's encodings do not vary at all, and a ratio of nothing to nothing would outweigh all others.
    Raises ``ValueError`` where nobody has two pictures.
    """
    units = unit(encodings)
    who, index, count = np.unique(people, return_inverse=True, return_counts=True)
    if len(who) < 2 or count.max() < 2:
        raise ValueError("no two people, or nobody with two pictures")
    means = np.zeros((len(who), ENCODING_SIZE))
    np.add.at(means, index, units)
    means /= count[:, None]
    mean = means.mean(axis=0)
    apart = units - means[index]
    within = apart.T @ apart / (count - 1).sum()
    # What the means of few pictures vary by for being of few pictures is not between people.
    spread = np.cov(means.T) - within * np.mean(1 / count)
    values, vectors = np.linalg.eigh(spread)
    between = (vectors * np.maximum(values, 0.0)) @ vectors.T
    sphere = np.eye(ENCODING_SIZE) * np.trace(within) / ENCODING_SIZE
    return TwoCovariance(mean, between, (1 - _WITHIN_SHRINKAGE) * within + _WITHIN_SHRINKAGE * sphere)
