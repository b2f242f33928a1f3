"""A recognizer as one ONNX file: a photo in, names out."""

import json
from collections.abc import Mapping

import numpy as np
import onnx
from onnx import compose

from constants.reasons import Reason
from constants.settings import Settings
from modelization.bundle.manifest import library_versions
from modelization.face_recognizer import DOUBT_MARGIN, MAX_CANDIDATES, Doubt
from preprocessor.graphs.builder import GraphBuilder, serialized
from preprocessor.graphs.expression import Expression, concatenated, constant, where
from preprocessor.graphs.photo_graph import Judge, photo_graph
from preprocessor.quality import UNFIT
from preprocessor.version import pipeline_version


def make_photo_model(head: bytes, settings: Settings) -> bytes:
    """A serialized ONNX model of the face pipeline that finds every face, and a head behind it.

    ``head`` is what ``head_onnx`` exports; ``settings`` are those of its pipeline, of which the views matter.
    The input is ``photo``, uint8 (rows, columns, 3): RGB pixels of any size, upright. The outputs are, for every
    face, by falling score, and for none as well:

    - ``boxes`` float32 (faces, 4): left, top, right and bottom edge in pixels of the photo
    - ``scores`` float32 (faces,): the detector's margin; 1 / (1 + exp(-score)) is the service's probability
    - ``landmarks`` float32 (faces, 5, 2): outer and inner corner of the eye at the right, the same of the one
      at the left, base of the nose
    - ``qualities`` float32 (faces, 5): the shorter side in pixels of the photo, the sharpness, 0 to 1, the brightness,
      0 to 255, yaw and pitch in degrees
    - ``people`` int32 (faces,): the person's number among the labels, -1 for somebody unknown, or not judged
    - ``reasons`` int32 (faces,): the number of why it is not named, among the metadata's reasons; -1 if it is
    - ``confidences`` float32 (faces,): the confidence in the likeliest person, named or not
    - ``candidates`` int32 and ``candidate_confidences`` float32 (faces, up to 5): the likeliest people
    - ``encodings`` float32 (faces, 128)

    The metadata are the head's, with the version of this file's own pipeline and those of the libraries.
    """
    parsed = onnx.load_from_string(head)
    metadata = {entry.key: entry.value for entry in parsed.metadata_props}
    people = len(json.loads(metadata["labels"]))
    threshold = float(metadata["threshold"])
    # Heads of releases before 1.0.0 have no strictness: their confidences are not bent.
    doubt = Doubt.around(threshold, float(metadata.get("strictness", 0.0)))
    photo = onnx.load_from_string(photo_graph(settings.views, Judge(parsed.graph, *doubt)))
    # Graphs, not models: of a model, all 30 MB would be checked at each step, and not only at the end.
    io_map = [("everyone", "confidence"), ("unfit", "names/unfit")]
    whole = compose.merge_graphs(photo.graph, _names_graph(people, threshold), io_map=io_map)
    return serialized(whole, _metadata(metadata, settings))


def _names_graph(people: int, threshold: float) -> onnx.GraphProto:
    """A graph from ``confidence`` float32 (faces, people), and ``unfit`` int32 (faces,), to who each face shows."""
    builder = GraphBuilder("names/")
    count = min(MAX_CANDIDATES, people)
    confidence = Expression.input(builder, "confidence", np.float32, ("faces", people))
    unfit = Expression.input(builder, "names/unfit", np.int32, ("faces",))
    # One row more, which is then left out again: in a browser, ONNX Runtime divides by the number of rows.
    rows = concatenated([confidence, np.zeros((1, people))])
    best = rows.largest(constant(builder, (count,), np.int64), axis=1)
    confidences, candidates = (values.part([0], confidence.shape(end=1)) for values in best)
    candidates = candidates.to(np.int32)
    first = confidences.take(0, axis=1)
    # Compared as doubles: the threshold is one, and may lie between two floats.
    named = where(first.to(np.float64) >= threshold, candidates.take(0, axis=1), -1)
    judged = where(unfit >= 0, -1, named)
    judged.output("people", ("faces",))
    unknown = where(named >= 0, constant(builder, -1, np.int32), len(UNFIT))
    where(unfit >= 0, unfit, unknown).output("reasons", ("faces",))
    first.output("confidences", ("faces",))
    candidates.output("candidates", ("faces", count))
    confidences.output("candidate_confidences", ("faces", count))
    return builder.graph("people")


def _metadata(head: Mapping[str, str], settings: Settings) -> dict[str, str]:
    own = settings.model_copy(update={"detector": "every"})
    return {
        **head,
        "trained_with": head["pipeline_version"],
        "pipeline_version": pipeline_version(own),
        "doubt_margin": repr(DOUBT_MARGIN),
        "reasons": json.dumps({reason: reason.message for reason in (*UNFIT, Reason.LOW_CONFIDENCE)}),
        "versions": json.dumps(library_versions()),
    }
