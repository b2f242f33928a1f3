"""What speaks for a face being a person: the numbers that a decision rule weighs."""

import numpy as np
import numpy.typing as npt

from features.angle_evidence import unit
from modelization.decision.gallery import Gallery
from modelization.decision.two_covariance import TwoCovariance

#: Euclidean distance; a face this much nearer to one person than to the next could not be more alone.
MAX_LEAD = 0.5
#: The same of the only person there is: nobody else could be nearer. With 0.2, about 0.6 of the strangers asked for are
#: named, over people of LFW that nothing was fitted to; with 0.5, four times as many as asked for.
LEAD_ALONE = 0.2
#: Nats; people of LFW with 1 to 39 pictures enrolled have 74 at the most, even from an enrolled picture. Far from where
#: faces are, as in random directions, it would be thousands between any two that lie out there alike.
MAX_RATIO = 100.0
#: The smallest posterior that a logarithm is taken of.
LEAST_POSTERIOR = 1e-5

_Floats = npt.NDArray[np.float64]

#: The numbers, in the order of the last axis:
#: ``cosine`` of the face to the person's mean, ``distance`` Euclidean from it, ``lead`` of that distance over
#: the nearest other person's (negative where another is nearer), ``likelihood_ratio`` of the two-covariance
#: model in nats, at most ``MAX_RATIO``, ``specificity``: by how many standard deviations the cosine exceeds the one
#: of the face to people at large (normalisation by a cohort, here their own normal), ``typicality``: cosine of the
#: face to their mean, ``length`` of the person's mean, and the logarithm of the number of ``people``: these last say
#: how much the others are worth. ``network`` is the log-odds, by the trained network, of the person against everybody
#: else, strangers among them; zero where there is no network.
EVIDENCE = (
    "cosine",
    "distance",
    "lead",
    "likelihood_ratio",
    "specificity",
    "typicality",
    "length",
    "people",
    "network",
)


def weigh_evidence(
    model: TwoCovariance,
    gallery: Gallery,
    encodings: npt.NDArray[np.floating],
    posterior: npt.NDArray[np.floating] | None,
    absent: npt.NDArray[np.int64] | None = None,
) -> _Floats:
    """The evidence for each of raw encodings (n, 128) and each person, float64 (n, people, len(EVIDENCE)).

    ``posterior`` is the head's for the same faces, (n, people + 1), the last that of a stranger.

    With ``absent`` (n,), a person for each face, it is as though that person were not in the gallery;
    the column of that person then means nothing.
    """
    units = unit(encodings)
    cosine = units @ unit(gallery.unit_means).T
    distance = _distances(np.asarray(encodings, np.float64), gallery.means)
    z, ratio = model.project(units), model.ratios(gallery)
    spread = np.sqrt(((units @ model.between) * units).sum(axis=1, keepdims=True))
    people = len(gallery.faces) - (absent is not None)
    if posterior is not None and absent is not None:
        posterior = _without(posterior, absent)
    columns = (
        cosine,
        distance,
        _lead(distance, absent),
        np.minimum(z**2 @ ratio.curve + z @ ratio.slope + ratio.level, MAX_RATIO),
        (cosine - (units @ model.mean)[:, None]) / spread,
        units @ unit(model.mean[None]).T,
        gallery.lengths,
        np.log(people),
        0.0 if posterior is None else _log_odds(posterior),
    )
    return np.stack([np.broadcast_to(column, cosine.shape) for column in columns], axis=-1)


def weigh_nearest(
    model: TwoCovariance, gallery: Gallery, encodings: npt.NDArray[np.floating], nearest: npt.NDArray[np.int64]
) -> _Floats:
    """The evidence for each of raw encodings (n, 128) and those people (n, k) alone, float64 (n, k, len(EVIDENCE)).

    Two or more people, among whom the two nearest of all are, or the lead is another. No network is asked.
    """
    units, raw = unit(encodings), np.asarray(encodings, np.float64)
    means, unit_means = gallery.means[nearest], gallery.unit_means[nearest]
    cosine = _dot(unit_means, units) / gallery.unit_lengths[nearest]
    distance = np.linalg.norm(means - raw[:, None], axis=2)
    toward_mean = units @ model.mean
    spread = np.sqrt(((units @ model.between) * units).sum(axis=1))
    columns = (
        cosine,
        distance,
        _lead(distance, None),
        np.minimum(_pair_ratios(model, units, unit_means, gallery.faces[nearest]), MAX_RATIO),
        (cosine - toward_mean[:, None]) / spread[:, None],
        (toward_mean / np.linalg.norm(model.mean))[:, None],
        gallery.lengths[nearest],
        np.log(len(gallery.faces)),
        0.0,
    )
    return np.stack([np.broadcast_to(column, cosine.shape) for column in columns], axis=-1)


def without(evidence: _Floats, people: int, gone: npt.NDArray[np.bool_]) -> _Floats:
    """The evidence (n, k, len(EVIDENCE)) were those ``gone`` (n, k), one for a face at most, not among so many people.

    What then stands for them means nothing.
    """
    found = evidence.copy()
    distance = np.where(gone, np.inf, evidence[..., EVIDENCE.index("distance")])
    found[..., EVIDENCE.index("lead")] = _lead(distance, None)
    found[..., EVIDENCE.index("people")] = np.log(people - 1)
    return found


def _dot(rows: _Floats, faces: _Floats) -> _Floats:
    """The product (n, k) of rows (n, k, 128) with the face (n, 128) that each is for."""
    return np.asarray((rows @ faces[:, :, None])[:, :, 0])


def _pair_ratios(model: TwoCovariance, units: _Floats, unit_means: _Floats, faces: npt.NDArray[np.int64]) -> _Floats:
    """Log-likelihood ratios (n, k), in nats, of unit encodings (n, 128), and means (n, k, 128) of ``faces`` (n, k)."""
    numbers, kind = np.unique(faces, return_inverse=True)
    kind = kind.reshape(faces.shape)
    ratio = model.pair_ratios(numbers)
    z, m = model.project(units), model.project(unit_means)
    # What a face alone adds is the same for all people of as many pictures.
    alone = np.take_along_axis(z**2 @ ratio.curve.T, kind, axis=1) + ratio.level[kind]
    return np.asarray(alone + _dot(m * ratio.slope[kind], z) + (m**2 * ratio.own[kind]).sum(axis=2))


def _distances(encodings: _Floats, means: _Floats) -> _Floats:
    squared = (encodings**2).sum(axis=1)[:, None] + (means**2).sum(axis=1) - 2 * encodings @ means.T
    return np.asarray(np.sqrt(np.maximum(squared, 0.0)))


def _lead(distance: _Floats, absent: npt.NDArray[np.int64] | None) -> _Floats:
    """How much nearer the face is to a person than to the nearest other one, at most ``MAX_LEAD`` either way."""
    if distance.shape[1] == 1:
        return np.full_like(distance, LEAD_ALONE)
    present = distance.copy()
    if absent is not None:
        present[np.arange(len(distance)), absent] = np.inf
    nobody = np.full((len(distance), 1), np.inf)
    first, second = np.sort(np.concatenate([present, nobody], axis=1), axis=1)[:, :2].T
    nearest_other = np.where(present == first[:, None], second[:, None], first[:, None])
    return np.asarray(np.clip(nearest_other - distance, -MAX_LEAD, MAX_LEAD))


def _log_odds(posterior: npt.NDArray[np.floating]) -> _Floats:
    """Of each person against everybody else, strangers, too, of a posterior (n, people + 1)."""
    share = np.asarray(posterior, np.float64)
    is_most = share > 0.5
    # One less a share of nearly one has no digits left; the sum of the others has.
    others = np.where(is_most, np.where(is_most, 0.0, share).sum(axis=1, keepdims=True), 1 - share)
    odds = np.log(np.maximum(share, LEAST_POSTERIOR)) - np.log(np.maximum(others, LEAST_POSTERIOR))
    return np.asarray(odds[:, :-1])


def _without(posterior: npt.NDArray[np.floating], absent: npt.NDArray[np.int64]) -> _Floats:
    """The posterior among the others and strangers alone."""
    others = np.asarray(posterior, np.float64).copy()
    others[np.arange(len(others)), absent] = 0.0
    return np.asarray(others / np.maximum(others.sum(axis=1, keepdims=True), LEAST_POSTERIOR))
