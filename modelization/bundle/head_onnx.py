"""The head and its decision rule as one ONNX graph."""

import json
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from constants.faces import ENCODING_SIZE
from features.angle_evidence import unit as to_unit
from modelization.decision.background import Background
from modelization.decision.confidence_curve import bent
from modelization.decision.decision_rule import Decider
from modelization.decision.evidence import EVIDENCE, LEAD_ALONE, LEAST_POSTERIOR, MAX_LEAD, MAX_RATIO
from modelization.decision.gallery import Gallery
from modelization.decision.two_covariance import TwoCovariance
from modelization.decision.usable import LEAST_SQUARE, MOST_SQUARE
from modelization.topology import Activation, Topology
from preprocessor.graphs import expression
from preprocessor.graphs.builder import GraphBuilder, serialized
from preprocessor.graphs.expression import Expression, constant, maximum, minimum, where
from preprocessor.graphs.onnx_session import make_session

_Floats = npt.NDArray[np.floating]

#: The ONNX operator of each activation, with attributes that give Keras' definition.
_ACTIVATION_OPERATORS: dict[Activation, str] = {
    "relu": "Relu",
    "elu": "Elu",
    "selu": "Selu",
    "tanh": "Tanh",
    "sigmoid": "Sigmoid",
}


def export_head(
    topology: Topology,
    weights: Sequence[_Floats],
    decider: Decider,
    background: Background,
    metadata: Mapping[str, str],
) -> bytes:
    """An ONNX model: ``encodings`` float32 (n, 128) in, ``confidence`` and ``posterior`` float32 (n, people) out.

    ``weights`` are the kernels and biases of the hidden layers and of the posterior, in turn. The person
    is the argmax of a row of confidences, named where that is at least the threshold in the metadata;
    ``posterior`` is the head's own opinion; what is left of a row's sum to one is a stranger's. Of an encoding that
    cannot be judged both are zero.
    """
    builder = GraphBuilder()
    encodings = Expression.input(builder, "encodings", np.float32, ("faces", ENCODING_SIZE))
    # Doubles up to the logit: the last bit of a cosine in float32 is worth 1e-5 of confidence.
    given = encodings.to(np.float64)
    is_usable = usable(given)
    wide = where(is_usable, given, 1.0)
    unit = wide / wide.apply("ReduceL2", axes=[1], keepdims=1)
    seen = unit @ table(unit, background.table) + background.offset
    posterior = _posterior(seen.to(np.float32), topology, weights)
    logit = bent(_logit(_evidence(wide, unit, posterior, decider), decider), decider.rule.strictness, expression)
    shape = "faces", len(decider.gallery.faces)
    where(is_usable, logit.to(np.float32).apply("Sigmoid"), 0.0).output("confidence", shape)
    where(is_usable, posterior.part([0], [shape[1]], axis=1), 0.0).output("posterior", shape)
    return serialized(builder.graph("head"), metadata)


def recognizer_metadata(
    labels: Sequence[str], threshold: float, target_fpir: float, strictness: float, pipeline_version: str
) -> dict[str, str]:
    """What a user of the ONNX file alone needs to know, and what is written beside it."""
    return {
        "labels": json.dumps(list(labels), ensure_ascii=False),
        "threshold": repr(threshold),
        "target_fpir": repr(target_fpir),
        "strictness": repr(strictness),
        "pipeline_version": pipeline_version,
    }


def ask_onnx(file: bytes, encodings: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """The confidences of encodings by an ONNX file."""
    return np.asarray(make_session(file).run(["confidence"], {"encodings": encodings})[0])


def usable(given: Expression) -> Expression:
    """Whether each of encodings, doubles (n, 128), can be judged, (n, 1)."""
    square = given.apply("ReduceSumSquare", axes=[1], keepdims=1)
    return (square >= LEAST_SQUARE) & (square <= MOST_SQUARE)


def _posterior(seen: Expression, topology: Topology, weights: Sequence[_Floats]) -> Expression:
    hidden = seen
    for number, (kernel, bias) in enumerate(zip(weights[::2], weights[1::2], strict=True)):
        hidden = hidden.apply("Gemm", kernel, bias)
        if number < len(topology.layers):
            hidden = hidden.apply(_ACTIVATION_OPERATORS[topology.layers[number].activation])
    return hidden.apply("Softmax", axis=1)


def _evidence(wide: Expression, unit: Expression, posterior: Expression, decider: Decider) -> dict[str, Expression]:
    """What differs from face to face of ``EVIDENCE`` in ``decision/evidence.py``: doubles (n, people) or (n, 1)."""
    model, gallery = decider.model, decider.gallery
    cosine = unit @ table(unit, to_unit(gallery.unit_means).T)
    distance = _distance(wide, gallery)
    toward_mean = unit @ table(unit, model.mean[:, None])
    spread = ((unit @ table(unit, model.between)) * unit).sum(1, keepdims=True).apply("Sqrt")
    return {
        "cosine": cosine,
        "distance": distance,
        "lead": lead(distance) if len(gallery.faces) > 1 else distance * 0.0 + LEAD_ALONE,
        "likelihood_ratio": _likelihood_ratio(unit, model, gallery),
        "specificity": (cosine - toward_mean) / spread,
        "typicality": toward_mean / np.linalg.norm(model.mean),
        "network": _log_odds(posterior.to(np.float64), len(gallery.faces)),
    }


def table(value: Expression, numbers: _Floats) -> Expression:
    """Doubles of a value's graph, kept as float32, which is what they were made from."""
    return constant(value.builder, numbers, np.float32).to(np.float64)


def _distance(wide: Expression, gallery: Gallery) -> Expression:
    product = wide @ table(wide, 2 * gallery.means.T)
    lengths = wide.apply("ReduceSumSquare", axes=[1], keepdims=1)
    return maximum(lengths + (gallery.means**2).sum(axis=1) - product, 0.0).apply("Sqrt")


def lead(distance: Expression) -> Expression:
    """Each person's lead over the nearest other one, at most ``MAX_LEAD`` either way; only the nearest's is above 0."""
    first = distance.apply("ReduceMin", axes=[1], keepdims=1)
    is_first = distance.apply("Equal", first, dtype=bool)
    behind = where(is_first, np.inf, distance).apply("ReduceMin", axes=[1], keepdims=1)
    # Two may be equally near, as one person under two labels is: then the second is as near as the first.
    alone = is_first.to(np.float64).sum(1, keepdims=True) < 2.0
    ahead = where(is_first, where(alone, behind, first), first) - distance
    return ahead.apply("Clip", -MAX_LEAD, MAX_LEAD)


def _likelihood_ratio(unit: Expression, model: TwoCovariance, gallery: Gallery) -> Expression:
    ratio = model.ratios(gallery)
    z = (unit - model.mean) @ table(unit, model.axes)
    found = (z * z) @ table(unit, ratio.curve) + z @ table(unit, ratio.slope) + ratio.level
    return minimum(found, MAX_RATIO)


def _log_odds(share: Expression, people: int) -> Expression:
    is_most = share > 0.5
    others = where(is_most, where(is_most, 0.0, share).sum(1, keepdims=True), 1 - share)
    odds = maximum(share, LEAST_POSTERIOR).apply("Log") - maximum(others, LEAST_POSTERIOR).apply("Log")
    return odds.part([0], [people], axis=1)


def _logit(evidence: Mapping[str, Expression], decider: Decider) -> Expression:
    """The evidence as the rule weighs it; what is the same for every face is one number a person."""
    gallery, rule = decider.gallery, decider.rule
    weights = dict(zip(EVIDENCE, rule.weights, strict=True))
    fixed = weights["length"] * np.linalg.norm(gallery.means, axis=1) + weights["people"] * np.log(len(gallery.faces))
    logit = constant(evidence["cosine"].builder, fixed + rule.bias, np.float64)
    for name, values in evidence.items():
        if weights[name]:
            logit = logit + values * weights[name]
    return logit
