"""The decision among many people as a Keras model: a shortlist for each face, and all evidence for those on it."""

import keras
import numpy as np
import numpy.typing as npt

from constants.faces import ENCODING_SIZE
from modelization.decision.confidence_curve import bent
from modelization.decision.evidence import EVIDENCE, MAX_RATIO
from modelization.decision.near_decider import NearDecider
from modelization.decision.shortlist import LISTED
from modelization.exact_products import fixed_layer
from modelization.network import use_one_thread
from modelization.recognizer_network import is_usable, lead


def build_near_network(decider: NearDecider) -> keras.Model:
    """A model that takes raw ``encodings``, float32 (n, 128), and gives what ``head.onnx`` does: ``confidence`` (n,
    people).

    It has Keras' own layers and operations only. Each person is looked at by differences, not by those of squares, so
    that float32 suffices.
    """
    use_one_thread()
    encodings = keras.Input((ENCODING_SIZE,), name="encodings")
    can_be_judged = is_usable(encodings)
    raw = keras.ops.where(can_be_judged, encodings, 1.0)
    units = _unit(raw)
    shortlist = decider.shortlist
    seen = fixed_layer(shortlist.faces, None, "faces")(units)
    scores = fixed_layer(shortlist.people, shortlist.level, "people")(seen)
    _, listed = keras.ops.top_k(scores, min(LISTED, len(decider.gallery.faces)))
    confidence = keras.ops.where(can_be_judged, keras.ops.sigmoid(_logit(raw, units, listed, decider)), 0.0)
    return keras.Model(encodings, {"confidence": _of_everybody(scores, listed, confidence)}, name="recognizer")


def _of_everybody(scores: keras.KerasTensor, listed: keras.KerasTensor, values: keras.KerasTensor) -> keras.KerasTensor:
    """Values (n, k) at the places ``listed`` of a row of zeros for each face, (n, people)."""
    rows = keras.ops.cumsum(keras.ops.ones_like(listed), axis=0) - 1
    places = keras.ops.reshape(keras.ops.stack([rows, listed], axis=-1), (-1, 2))
    return keras.ops.scatter_update(scores * 0.0, places, keras.ops.reshape(values, (-1,)))


def _logit(
    raw: keras.KerasTensor, units: keras.KerasTensor, listed: keras.KerasTensor, decider: NearDecider
) -> keras.KerasTensor:
    """The rule's log-odds (n, k) of the people at places ``listed``: what ``weigh_nearest`` weighs."""
    model, gallery = decider.model, decider.gallery
    weights = dict(zip(EVIDENCE, decider.rule.weights, strict=True))
    means, unit_means = _rows(gallery.means, "means")(listed), _rows(gallery.unit_means, "unit_means")(listed)
    # Of two unit vectors the square of their distance is twice what the cosine is below one.
    apart = _unit(unit_means) - _each(units)
    cosine_below_one = -0.5 * keras.ops.sum(apart * apart, axis=-1)
    distance = _length(means - _each(raw))
    toward_mean = fixed_layer(model.mean[:, None], None, "mean")(units)
    spread = keras.ops.sqrt(
        keras.ops.sum(fixed_layer(model.between, None, "between")(units) * units, axis=-1, keepdims=True)
    )
    ratio = _likelihood_ratio(units, unit_means, listed, decider)
    evidence = {
        "cosine": cosine_below_one,
        "distance": distance,
        "lead": lead(distance),
        "likelihood_ratio": keras.ops.minimum(ratio, MAX_RATIO),
        "specificity": (cosine_below_one + (1.0 - toward_mean)) / spread,
        "typicality": toward_mean / float(np.linalg.norm(model.mean)),
        "length": _length(means),
    }
    same = weights["people"] * np.log(len(gallery.faces)) + weights["cosine"] + decider.rule.bias
    logit = distance * 0.0 + float(same)
    for name, values in evidence.items():
        if weights[name]:
            logit = logit + values * weights[name]
    return bent(logit, decider.rule.strictness, keras.ops)


def _likelihood_ratio(
    units: keras.KerasTensor, unit_means: keras.KerasTensor, listed: keras.KerasTensor, decider: NearDecider
) -> keras.KerasTensor:
    model = decider.model
    numbers, kinds = np.unique(decider.gallery.faces, return_inverse=True)
    ratio = model.pair_ratios(numbers)
    kind = keras.ops.cast(_rows(kinds[:, None], "pictures")(listed)[:, :, 0], "int32")
    on_axes = fixed_layer(model.axes, -model.mean @ model.axes, "axes")
    z, person = _each(on_axes(units)), on_axes(unit_means)
    curve, slope, own = (
        _rows(rows, name)(kind) for rows, name in ((ratio.curve, "curve"), (ratio.slope, "slope"), (ratio.own, "own"))
    )
    parts = keras.ops.sum(z * z * curve + z * person * slope + person * person * own, axis=-1)
    return parts + _rows(ratio.level[:, None], "level")(kind)[:, :, 0]


def _rows(table: npt.NDArray[np.generic], name: str) -> keras.layers.Embedding:
    """A layer that is not trained and gives the rows of a table at given places."""
    layer = keras.layers.Embedding(*table.shape, trainable=False, name=name)
    layer.build()
    layer.set_weights([np.asarray(table, np.float32)])
    return layer


def _each(faces: keras.KerasTensor) -> keras.KerasTensor:
    """Rows (n, 128) as (n, 1, 128), to be compared with several people each."""
    return keras.ops.expand_dims(faces, 1)


def _length(rows: keras.KerasTensor) -> keras.KerasTensor:
    return keras.ops.sqrt(keras.ops.sum(rows * rows, axis=-1))


def _unit(rows: keras.KerasTensor) -> keras.KerasTensor:
    """Rows at length one, and not only to the last bit but one."""
    nearly = rows / keras.ops.expand_dims(_length(rows), -1)
    return nearly * (1.5 - 0.5 * keras.ops.sum(nearly * nearly, axis=-1, keepdims=True))
