"""From an angle and a posterior to a confidence, and the confidence that a name takes.

A face has an angle to each person, and the head's posterior over the people:

    genuineness = logistic(slope * (midpoint - angle))    how likely it is that person and not a stranger
    confidence  = genuineness * posterior ** weight       ... and not another of the people

a log-linear pool of two opinions (Genest and Zidek 1986), so that neither is believed alone.

The nearest of N people to a stranger is the least of N angles, each normal, which gives the threshold for
any share of strangers named. The normals are those of the population, moved to what the recognizer's own
held-out faces show as far as there are people to show it.
"""

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from constants.training import (
    CHANCES_EXPONENT,
    DIFFERENT_PEOPLE_ANGLE,
    DIFFERENT_PEOPLE_PICTURE_SPREAD,
    DIFFERENT_PEOPLE_SPREAD,
    MIN_SEPARATION,
    POPULATION_PEOPLE,
    POSTERIOR_WEIGHT,
    SAME_PERSON_ANGLE,
    SAME_PERSON_PICTURE_SPREAD,
    SAME_PERSON_SPREAD,
)
from modelization.held_out import HeldOut

_Floats = npt.NDArray[np.floating]

#: Least distance of a probability from 0 and 1 that a logarithm is taken of.
_TINY = 1e-12

#: Where the distribution of strangers is matched to what was found.
_SHARES = np.linspace(0.02, 0.98, 49)


@dataclass(frozen=True)
class DecisionRule:
    """``slope`` in 1/radian and ``midpoint`` in radians of genuineness; ``threshold`` is the least confidence named."""

    slope: float
    midpoint: float
    threshold: float

    def confidence(self, angles: _Floats, posterior: _Floats) -> npt.NDArray[np.float64]:
        """Confidences in [0, 1], (n, people), of angles in radians and posteriors of the same shape."""
        return np.asarray(logistic(self.slope * (self.midpoint - angles)) * posterior**POSTERIOR_WEIGHT, np.float64)


def calibrate(held_out: HeldOut, target_fpir: float) -> DecisionRule:
    """The rule whose threshold names ``target_fpir`` of strangers, in (0, 1)."""
    people = len(held_out.faces_per_person)
    genuine = _fit_genuine(held_out)
    angles, posterior = held_out.without_own_person()
    strangers = _fit_strangers(angles.min(axis=1), held_out.faces_per_person)
    nearest = _nearest(strangers, people)
    separation = max(nearest.mean - genuine.mean, MIN_SEPARATION)
    midpoint = genuine.mean + separation / 2
    # The logistic that two normals of one variance make (linear discriminant analysis).
    slope = separation / ((genuine.variance + nearest.variance) / 2)

    # What the posterior takes from a stranger's confidence is expressed as an angle, and counts.
    confidence = DecisionRule(slope, midpoint, 1.0).confidence(angles, posterior).max(axis=1)
    strangers = _fit_strangers(midpoint - logit(confidence) / slope, held_out.faces_per_person)
    limit = strangers.mean + strangers.stdev * nearest_quantile(target_fpir, people)
    return DecisionRule(slope, midpoint, float(logistic(slope * (midpoint - limit))))


def nearest_quantile(share: float, people: float) -> float:
    """Where the least of ``people`` normal angles lies below with probability ``share``, in standard deviations.

    The least of N independent values is below x with probability 1 - (1 - F(x))^N.
    """
    chances = people**CHANCES_EXPONENT
    return NormalDist().inv_cdf(-np.expm1(np.log1p(-share) / chances))


def logistic(x: _Floats | float) -> npt.NDArray[np.float64]:
    """1 / (1 + exp(-x)) without overflow."""
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * np.asarray(x, np.float64))))


def logit(p: _Floats) -> npt.NDArray[np.float64]:
    """The inverse of ``logistic``, bounded where a probability is almost 0 or 1."""
    inside = np.clip(np.asarray(p, np.float64), _TINY, 1 - _TINY)
    return np.asarray(np.log(inside) - np.log1p(-inside))


def _fit_genuine(held_out: HeldOut) -> NormalDist:
    """Angles of faces to their own person, learned without them."""
    spread = _spread(SAME_PERSON_SPREAD, SAME_PERSON_PICTURE_SPREAD, held_out.faces_per_person)
    population = NormalDist(SAME_PERSON_ANGLE, spread)
    people = held_out.people[held_out.known]
    if len(people) == 0:
        return population
    # Quantiles instead of moments: a wrong label shall not widen what is normal.
    low, middle, high = np.quantile(held_out.angles[held_out.known, people], [0.16, 0.5, 0.84])
    own = _weight(len(np.unique(people)))
    return NormalDist(own * middle + (1 - own) * population.mean, own * (high - low) / 2 + (1 - own) * population.stdev)


def _fit_strangers(nearest: _Floats, faces_per_person: npt.NDArray[np.int64]) -> NormalDist:
    """Angles of strangers to any one person, from the least of each face's angles to all but its own.

    The line through a Q-Q plot: its outermost shares, where wrong labels lie, are left out.
    """
    people = len(faces_per_person)
    own = _weight(people)
    expected = np.array([nearest_quantile(share, people - 1) for share in _SHARES])
    found = np.quantile(nearest, _SHARES)
    slope = float(np.cov(expected, found, bias=True)[0, 1] / np.var(expected))
    population = _spread(DIFFERENT_PEOPLE_SPREAD, DIFFERENT_PEOPLE_PICTURE_SPREAD, faces_per_person)
    spread = own * slope + (1 - own) * population
    mean = float(found.mean() - spread * expected.mean())
    return NormalDist(own * mean + (1 - own) * DIFFERENT_PEOPLE_ANGLE, spread)


def _nearest(strangers: NormalDist, people: int) -> NormalDist:
    """The least of the angles to ``people`` people, as its median and half the width of its middle 68 %."""
    low, middle, high = (nearest_quantile(share, people) for share in (0.16, 0.5, 0.84))
    return NormalDist(strangers.mean + strangers.stdev * middle, strangers.stdev * (high - low) / 2)


def _spread(perfectly_known: float, picture: float, faces_per_person: npt.NDArray[np.int64]) -> float:
    """Standard deviation of angles to people who are known by so many pictures, in radians."""
    return float(np.sqrt(perfectly_known**2 + picture**2 * np.mean(1 / faces_per_person)))


def _weight(people: int) -> float:
    """Share of trust in a recognizer's own faces, against the population's."""
    return people / (people + POPULATION_PEOPLE)
