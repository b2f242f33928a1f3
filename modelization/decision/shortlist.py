"""The few of many people whom a rule may put first, found by a product of matrices."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from features.angle_evidence import unit
from modelization.decision.decision_rule import DecisionRule
from modelization.decision.evidence import EVIDENCE
from modelization.decision.gallery import Gallery
from modelization.decision.two_covariance import TwoCovariance

#: People up to whom everybody is judged by all evidence, and a network is trained, which costs as the square of people.
#: What it gains is within chance for 450 people (docs/sizes.md).
MOST_JUDGED = 1000
#: People on a shortlist. Among 100,000 people the first of a rule was at place 0 for known faces and at 11 at the most
#: for strangers, and of the five candidates 99 in 100 were at 36 or before.
LISTED = 64
#: Numbers that a person and a face are compared by; with 48 first places were at 51, with 128 at 6.
_RANK = 64
#: Euclidean distance around which a rule is taken to be linear: that of a stranger to the nearest of many people. At
#: 0.4 places are the same.
_USUAL_DISTANCE = 0.5

_Floats = npt.NDArray[np.floating]


@dataclass(frozen=True)
class Shortlist:
    """A rule's logit, nearly, of a unit encoding and each person: ``unit @ faces @ people + level``.

    What is the same for all people is left out. ``faces`` is float32 (128, rank), ``people`` (rank, people) and
    ``level`` (people,).
    """

    faces: npt.NDArray[np.float32]
    people: npt.NDArray[np.float32]
    level: npt.NDArray[np.float32]

    @classmethod
    def of(cls, model: TwoCovariance, gallery: Gallery, rule: DecisionRule) -> "Shortlist":
        """The shortlist of a rule that asks no network: its first derivative, as far as faces at large differ in it.

        Of the derivatives (people, 128) those directions are kept along which logits of faces vary most: the principal
        components where faces have the model's covariance.
        """
        toward, level = _linear(model, gallery, rule)
        level = level + toward @ model.mean
        toward = toward - toward.mean(axis=0)
        values, vectors = np.linalg.eigh(model.between + model.within)
        # Directions in which faces do not differ at all tell nobody apart, and cannot be divided by.
        varies = values > values.max() * 1e-9
        vectors, spread = vectors[:, varies], np.sqrt(values[varies])
        scaled = toward @ (vectors * spread)
        components = np.linalg.eigh(scaled.T @ scaled)[1][:, -_RANK:]
        faces = (vectors / spread) @ components
        people = scaled @ components
        tables = faces, people.T, level - people @ (model.mean @ faces)
        return cls(*(np.asarray(table, np.float32) for table in tables))

    def nearest(self, encodings: _Floats, count: int = LISTED) -> npt.NDArray[np.int64]:
        """The people (n, count) who come first for each of raw encodings (n, 128), in no order."""
        scores = (unit(encodings) @ self.faces).astype(np.float32) @ self.people
        scores += self.level  # in place: of 100,000 people they are 100 MB
        return _largest(scores, min(count, scores.shape[1]))


def _linear(model: TwoCovariance, gallery: Gallery, rule: DecisionRule) -> tuple[_Floats, _Floats]:
    """The rule's logit as a function of a unit encoding: its derivative (people, 128), and the rest (people,)."""
    weights = dict(zip(EVIDENCE, rule.weights, strict=True))
    ratio = model.ratios(gallery)
    # Encodings of one person have nearly one length, and so have those of all.
    length = float((gallery.lengths / gallery.unit_lengths).mean())
    # A distance grows by that of its square over twice itself; who is nearer leads by as much more.
    per_square = (weights["distance"] - weights["lead"]) / (2 * _USUAL_DISTANCE)
    spread = float(np.sqrt(np.sum(model.between * (model.between + model.within + np.outer(model.mean, model.mean)))))
    toward = (
        (weights["cosine"] + weights["specificity"] / spread) * unit(gallery.unit_means)
        - 2 * length * per_square * gallery.means
        + weights["likelihood_ratio"] * (ratio.slope.T @ model.axes.T)
    )
    # The square of a face on an axis is taken as it is on average, the variance of faces there.
    usual = ratio.level + (model.strengths + 1) @ ratio.curve - (model.mean @ model.axes) @ ratio.slope
    level = weights["length"] * gallery.lengths + per_square * gallery.lengths**2 + weights["likelihood_ratio"] * usual
    return toward, level


def _largest(scores: npt.NDArray[np.float32], count: int) -> npt.NDArray[np.int64]:
    """The places (n, count) of the largest of each row."""
    rows, columns = scores.shape
    groups = columns // count
    if groups <= 2 * count:
        return np.argpartition(scores, columns - count, axis=1)[:, columns - count :]
    # A row's largest are in those of its ``groups`` of ``count`` that have the largest maxima: there are fewer of these
    # to be sorted. What is left of the division is looked at by itself.
    whole = scores[:, : groups * count].reshape(rows, count, groups)
    best = np.argpartition(whole.max(axis=1), groups - count, axis=1)[:, groups - count :]
    inside = (np.arange(count)[:, None] * groups + best[:, None, :]).reshape(rows, -1)
    left = np.broadcast_to(np.arange(groups * count, columns), (rows, columns - groups * count))
    some = np.concatenate([inside, left], axis=1)
    chosen = _largest(np.take_along_axis(scores, some, axis=1), count)
    return np.take_along_axis(some, chosen, axis=1)
