"""The recognizer as one Keras model: the trained network, the evidence as layers, and the rule that weighs it."""

import keras
import numpy as np

from constants.faces import ENCODING_SIZE
from features.angle_evidence import unit as to_unit
from modelization.decision.confidence_curve import bent
from modelization.decision.decision_rule import Decider
from modelization.decision.evidence import EVIDENCE, LEAD_ALONE, LEAST_POSTERIOR, MAX_LEAD, MAX_RATIO
from modelization.decision.gallery import Gallery
from modelization.decision.two_covariance import TwoCovariance
from modelization.decision.usable import LEAST_SQUARE, MOST_SQUARE
from modelization.exact_products import Split, fixed_layer, product, split, square

#: Further from a face than any person is.
_FARTHEST = 1e9


def build_recognizer_network(network: keras.Model, decider: Decider) -> keras.Model:
    """A model that takes raw ``encodings``, float32 (n, 128), and gives what ``head.onnx`` does.

    That is ``confidence`` (n, people), each a person's own, so that a row may be low throughout, and the network's
    ``posterior`` (n, people), whose rows' rest is a stranger's. Of an encoding that cannot be judged both are zero. It
    has Keras' own layers and operations only: a file of it is loaded without any code of this project.
    """
    encodings = keras.Input((ENCODING_SIZE,), name="encodings")
    can_be_judged = is_usable(encodings)
    raw = split(keras.ops.where(can_be_judged, encodings, 1.0))
    posterior = network(raw.value)
    standing = fixed_layer(_standing(decider)[None], None, "standing")
    logit = standing(keras.ops.cast(can_be_judged, "float32"))
    weights = dict(zip(EVIDENCE, decider.rule.weights, strict=True))
    for name, values in _evidence(raw, posterior, decider).items():
        if weights[name]:
            logit = logit + values * weights[name]
    logit = bent(logit, decider.rule.strictness, keras.ops)
    outputs = {"confidence": keras.ops.sigmoid(logit), "posterior": posterior[:, :-1]}
    rejecting = {name: keras.ops.where(can_be_judged, values, 0.0) for name, values in outputs.items()}
    return keras.Model(encodings, rejecting, name="recognizer")


def is_usable(encodings: keras.KerasTensor) -> keras.KerasTensor:
    """Whether each of raw encodings (n, 128) can be judged, (n, 1)."""
    length = keras.ops.sum(encodings * encodings, axis=1, keepdims=True)
    # Nothing, infinity and what is not a number fail one of the two.
    return keras.ops.logical_and(length >= LEAST_SQUARE, length <= MOST_SQUARE)


def _evidence(raw: Split, posterior: keras.KerasTensor, decider: Decider) -> dict[str, keras.KerasTensor]:
    """What differs from face to face of ``EVIDENCE``, (n, people) or (n, 1); cosine and typicality less 1 and |mean|.

    Both are near there, so that floats have digits left for what is told apart by them; ``_standing`` makes it good.
    """
    model, gallery = decider.model, decider.gallery
    units = _unit(raw)
    cosine = product(units, to_unit(gallery.unit_means).T, -1.0, "cosine")
    toward_mean = product(units, model.mean[:, None], -1.0, "typicality")
    distance = _distance(raw, gallery)
    spread = keras.ops.sum(fixed_layer(model.between, None, "between")(units.value) * units.value, 1, keepdims=True)
    return {
        "cosine": cosine.value,
        "distance": distance,
        "lead": lead(distance) if len(gallery.faces) > 1 else distance * 0.0 + LEAD_ALONE,
        "likelihood_ratio": _likelihood_ratio(units, model, gallery),
        "specificity": cosine.minus(toward_mean) / keras.ops.sqrt(spread),
        "typicality": toward_mean.value / float(np.linalg.norm(model.mean)),
        "network": _log_odds(posterior),
    }


def _log_odds(share: keras.KerasTensor) -> keras.KerasTensor:
    """Of each person against everybody else, (n, people), of a posterior (n, people + 1)."""
    is_most = share > 0.5
    # One less a share of nearly one has no digits left; the sum of the others has.
    others = keras.ops.where(
        is_most, keras.ops.sum(keras.ops.where(is_most, 0.0, share), axis=1, keepdims=True), 1.0 - share
    )
    odds = keras.ops.log(keras.ops.maximum(share, LEAST_POSTERIOR))
    return (odds - keras.ops.log(keras.ops.maximum(others, LEAST_POSTERIOR)))[:, :-1]


def _standing(decider: Decider) -> np.ndarray:
    """The part of each person's logit that is the same for every face, (people,)."""
    gallery, weights = decider.gallery, dict(zip(EVIDENCE, decider.rule.weights, strict=True))
    lengths = weights["length"] * np.linalg.norm(gallery.means, axis=1)
    taken_away = weights["cosine"] + weights["typicality"] / np.linalg.norm(decider.model.mean)
    return np.asarray(lengths + weights["people"] * np.log(len(lengths)) + taken_away + decider.rule.bias)


def _unit(raw: Split) -> Split:
    """Encodings at length one, and not only to the last bit."""
    length = keras.ops.sqrt(keras.ops.sum(raw.value * raw.value, axis=1, keepdims=True))
    nearly = split(raw.value / length)
    found = square(nearly)
    excess = (found.coarse - 1.0) + found.fine
    return Split(nearly.coarse, nearly.fine - 0.5 * excess * nearly.value)


def _distance(raw: Split, gallery: Gallery) -> keras.KerasTensor:
    toward = product(raw, -2 * gallery.means.T, (gallery.means**2).sum(axis=1), "distance")
    own = square(raw)
    squared = (own.coarse + toward.coarse) + (own.fine + toward.fine)
    return keras.ops.sqrt(keras.ops.maximum(squared, 0.0))


def lead(distance: keras.KerasTensor) -> keras.KerasTensor:
    """Each person's lead over the nearest other one, at most ``MAX_LEAD`` either way; only the nearest's is above 0."""
    first = keras.ops.min(distance, axis=1, keepdims=True)
    is_first = keras.ops.equal(distance, first)
    behind = keras.ops.min(keras.ops.where(is_first, _FARTHEST, distance), axis=1, keepdims=True)
    # Two may be equally near, as one person under two labels is: then the second is as near as the first.
    is_alone = keras.ops.sum(keras.ops.cast(is_first, "float32"), axis=1, keepdims=True) < 2.0
    other = keras.ops.where(is_first, keras.ops.where(is_alone, behind, first), first)
    return keras.ops.clip(other - distance, -MAX_LEAD, MAX_LEAD)


def _likelihood_ratio(units: Split, model: TwoCovariance, gallery: Gallery) -> keras.KerasTensor:
    ratio = model.ratios(gallery)
    z = product(units, model.axes, -model.mean @ model.axes, "axes").value
    both = np.concatenate([ratio.curve, ratio.slope])
    found = fixed_layer(both, ratio.level, "likelihood_ratio")(keras.ops.concatenate([z * z, z], axis=1))
    return keras.ops.minimum(found, MAX_RATIO)
