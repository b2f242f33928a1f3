"""The decision among many people as one ONNX graph: a shortlist for each face, and all evidence for those on it."""

from collections.abc import Mapping

import numpy as np

from constants.faces import ENCODING_SIZE
from modelization.bundle.head_onnx import lead, table, usable
from modelization.decision.confidence_curve import bent
from modelization.decision.evidence import EVIDENCE, MAX_RATIO
from modelization.decision.near_decider import NearDecider
from modelization.decision.shortlist import LISTED
from preprocessor.graphs import expression
from preprocessor.graphs.builder import GraphBuilder, serialized
from preprocessor.graphs.expression import Expression, constant, minimum, where


def export_near_head(decider: NearDecider, metadata: Mapping[str, str]) -> bytes:
    """An ONNX model: ``encodings`` float32 (n, 128) in, ``confidence`` float32 (n, people) out.

    The person is the argmax of a row, named where that is at least the threshold in the metadata. Confidences of people
    who are not on a face's shortlist are zero, and all are of an encoding that cannot be judged.
    """
    builder = GraphBuilder()
    people = len(decider.gallery.faces)
    encodings = Expression.input(builder, "encodings", np.float32, ("faces", ENCODING_SIZE))
    # Doubles up to the logit, as in every head.
    given = encodings.to(np.float64)
    is_usable = usable(given)
    wide = where(is_usable, given, 1.0)
    unit = wide / wide.apply("ReduceL2", axes=[1], keepdims=1)
    scores = _scores(unit, decider)
    _, listed = scores.largest(constant(builder, (min(LISTED, people),), np.int64), axis=1)
    confidence = _logit(wide, unit, listed, decider).to(np.float32).apply("Sigmoid")
    everybody = scores * 0.0
    found = everybody.apply("ScatterElements", listed, where(is_usable, confidence, 0.0), axis=1)
    found.output("confidence", ("faces", people))
    return serialized(builder.graph("head"), metadata)


def _scores(unit: Expression, decider: NearDecider) -> Expression:
    """What a shortlist is made by, float32 (n, people)."""
    shortlist = decider.shortlist
    return (unit @ table(unit, shortlist.faces)).to(np.float32) @ shortlist.people + shortlist.level


def _logit(wide: Expression, unit: Expression, listed: Expression, decider: NearDecider) -> Expression:
    """The rule's log-odds, doubles (n, k), of the people at places ``listed``: what ``weigh_nearest`` weighs."""
    model, gallery = decider.model, decider.gallery
    weights = dict(zip(EVIDENCE, decider.rule.weights, strict=True))
    means, unit_means = (
        constant(wide.builder, rows, np.float32).take(listed).to(np.float64)
        for rows in (gallery.means, gallery.unit_means)
    )
    cosine = (unit_means * _each(unit)).sum(2) / unit_means.apply("ReduceL2", axes=[2], keepdims=0)
    distance = (means - _each(wide)).apply("ReduceL2", axes=[2], keepdims=0)
    toward_mean = unit @ table(unit, model.mean[:, None])
    spread = ((unit @ table(unit, model.between)) * unit).sum(1, keepdims=True).apply("Sqrt")
    evidence = {
        "cosine": cosine,
        "distance": distance,
        "lead": lead(distance),
        "likelihood_ratio": minimum(_likelihood_ratio(unit, unit_means, listed, decider), MAX_RATIO),
        "specificity": (cosine - toward_mean) / spread,
        "typicality": toward_mean / np.linalg.norm(model.mean),
        "length": means.apply("ReduceL2", axes=[2], keepdims=0),
    }
    same = weights["people"] * np.log(len(gallery.faces)) + decider.rule.bias
    logit: Expression = constant(wide.builder, same, np.float64)
    for name, values in evidence.items():
        if weights[name]:
            logit = logit + values * weights[name]
    shown: Expression = bent(logit, decider.rule.strictness, expression)
    return shown


def _likelihood_ratio(unit: Expression, unit_means: Expression, listed: Expression, decider: NearDecider) -> Expression:
    model = decider.model
    numbers, kinds = np.unique(decider.gallery.faces, return_inverse=True)
    ratio = model.pair_ratios(numbers)
    kind = constant(unit.builder, kinds, np.int32).take(listed)
    curve, slope, own = (table(unit, rows).take(kind) for rows in (ratio.curve, ratio.slope, ratio.own))
    axes = table(unit, model.axes)
    z, person = _each((unit - model.mean) @ axes), (unit_means - model.mean) @ axes
    level = constant(unit.builder, ratio.level, np.float64).take(kind)
    return (z * z * curve + z * person * slope + person * person * own).sum(2) + level


def _each(faces: Expression) -> Expression:
    """Rows (n, 128) as (n, 1, 128), to be compared with several people each."""
    return faces.reshaped(-1, 1, ENCODING_SIZE)
