"""What speaks for a face being a person: the numbers that a decision rule weighs."""

import numpy as np
import numpy.typing as npt

from features.angle_evidence import unit
from modelization.decision.gallery import Gallery
from modelization.decision.two_covariance import TwoCovariance

#: Euclidean distance; a face this much nearer to one person than to the next could not be more alone.
MAX_LEAD = 0.5
#: The smallest posterior that a logarithm is taken of.
LEAST_POSTERIOR = 1e-7

_Floats = npt.NDArray[np.float64]

#: The numbers, in the order of the last axis:
#: ``cosine`` of the face to the person's mean, ``distance`` Euclidean from it, ``lead`` of that distance over
#: the nearest other person's (negative where another is nearer), ``likelihood_ratio`` of the two-covariance
#: model in nats, ``specificity``: by how many standard deviations the cosine exceeds the one of the face to
#: people at large (normalisation by a cohort, here their own normal), ``typicality``: cosine of the face to their
#: mean, ``length`` of the person's mean, and the logarithm of the number of ``people``: these last say how much the
#: others are worth. ``posterior`` is the logarithm of the head's.
EVIDENCE = (
    "cosine",
    "distance",
    "lead",
    "likelihood_ratio",
    "specificity",
    "typicality",
    "length",
    "people",
    "posterior",
)


def weigh_evidence(
    model: TwoCovariance,
    gallery: Gallery,
    encodings: npt.NDArray[np.floating],
    posterior: npt.NDArray[np.floating],
    absent: npt.NDArray[np.int64] | None = None,
) -> _Floats:
    """The evidence for each of raw encodings (n, 128) and each person, float64 (n, people, len(EVIDENCE)).

    ``posterior`` is the head's for the same faces, (n, people).

    With ``absent`` (n,), a person for each face, it is as though that person were not in the gallery;
    the column of that person then means nothing.
    """
    units = unit(encodings)
    cosine = units @ unit(gallery.unit_means).T
    distance = _distances(np.asarray(encodings, np.float64), gallery.means)
    z, ratio = model.project(units), model.ratios(gallery)
    spread = np.sqrt(((units @ model.between) * units).sum(axis=1, keepdims=True))
    people = len(gallery.faces) - (absent is not None)
    if absent is not None:
        posterior = _without(posterior, absent)
    columns = (
        cosine,
        distance,
        _lead(distance, absent),
        z**2 @ ratio.curve + z @ ratio.slope + ratio.level,
        (cosine - (units @ model.mean)[:, None]) / spread,
        units @ unit(model.mean[None]).T,
        np.linalg.norm(gallery.means, axis=1),
        np.log(people),
        np.log(np.maximum(posterior, LEAST_POSTERIOR)),
    )
    return np.stack([np.broadcast_to(column, cosine.shape) for column in columns], axis=-1)


def _distances(encodings: _Floats, means: _Floats) -> _Floats:
    squared = (encodings**2).sum(axis=1)[:, None] + (means**2).sum(axis=1) - 2 * encodings @ means.T
    return np.asarray(np.sqrt(np.maximum(squared, 0.0)))


def _lead(distance: _Floats, absent: npt.NDArray[np.int64] | None) -> _Floats:
    """How much nearer the face is to a person than to the nearest other one, at most ``MAX_LEAD`` either way."""
    present = distance.copy()
    if absent is not None:
        present[np.arange(len(distance)), absent] = np.inf
    nobody = np.full((len(distance), 1), np.inf)
    first, second = np.sort(np.concatenate([present, nobody], axis=1), axis=1)[:, :2].T
    nearest_other = np.where(present == first[:, None], second[:, None], first[:, None])
    return np.asarray(np.clip(nearest_other - distance, -MAX_LEAD, MAX_LEAD))


def _without(posterior: npt.NDArray[np.floating], absent: npt.NDArray[np.int64]) -> _Floats:
    """The posterior among the others alone."""
    others = np.asarray(posterior, np.float64).copy()
    others[np.arange(len(others)), absent] = 0.0
    return np.asarray(others / np.maximum(others.sum(axis=1, keepdims=True), LEAST_POSTERIOR))
