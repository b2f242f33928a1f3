"""The whole face pipeline as one ONNX graph: a photo in, encoded faces out."""

from typing import NamedTuple

import numpy as np
import onnx

from constants.faces import ENCODING_SIZE
from preprocessor.dlib_files.fhog_format import frontal_face_detector
from preprocessor.dlib_files.network_format import Network, read_network
from preprocessor.dlib_files.shape_predictor_format import ShapePredictor, read_shape_predictor
from preprocessor.dlib_files.weights import ENCODER, LANDMARKS_5, MMOD_DETECTOR, weights_path
from preprocessor.graphs.builder import GraphBuilder, serialized
from preprocessor.graphs.chip_graph import add_chip
from preprocessor.graphs.encoder_graph import add_encoder
from preprocessor.graphs.expression import Expression, constant, maximum, minimum, stacked
from preprocessor.graphs.landmarks_graph import add_landmarks
from preprocessor.graphs.loop import Turn, loop
from preprocessor.graphs.photo_detector_graph import add_detector
from preprocessor.graphs.quality_graph import QUALITIES, add_quality, add_unfit
from preprocessor.graphs.views_graph import add_views

#: Landmarks of a face.
_LANDMARKS = 5


class Judge(NamedTuple):
    """What is asked after a face's first view whether the others are needed: where there is doubt.

    ``head`` is a graph from ``encodings`` to ``confidence``, float32 (n, people); there is doubt where the highest of
    them lies between ``least`` and ``most``.
    """

    head: onnx.GraphProto
    least: float
    most: float


def photo_graph(views: int, judge: Judge | None = None) -> bytes:
    """A serialized model from ``photo``, uint8 (rows, columns, 3) RGB of any size, to its faces by falling score.

    Of them ``boxes`` float32 (faces, 4), the edges at the left, top, right and bottom in pixels of the photo and within
    it, ``scores`` float32 (faces,), ``landmarks`` float32 (faces, 5, 2) and ``encodings`` float32 (faces, 128), each
    the mean of 1, 2 or 6 ``views``; and ``qualities`` float32 (faces, 5) and ``unfit`` int32 (faces,), as
    ``quality_graph`` gives them. With a ``judge`` an encoding is of one view alone where that leaves no doubt, and
    ``everyone`` float32 (faces, people) is how sure the judge is of each person.
    """
    detector, encoder = (read_network(weights_path(name)) for name in (MMOD_DETECTOR, ENCODER))
    predictor = read_shape_predictor(weights_path(LANDMARKS_5))
    builder = GraphBuilder()
    photo = Expression.input(builder, "photo", np.uint8, ("rows", "columns", 3))
    boxes, scores = add_detector(photo, frontal_face_detector(), detector)
    judging = _Views(encoder, views, judge)
    landmarks, qualities, encodings, everyone = _encoded(photo, boxes, predictor, judging)
    edges = photo.shape(0, 2).take([1, 0, 1, 0]).to(np.float64)
    minimum(maximum(boxes, 0.0), edges).to(np.float32).output("boxes", ("faces", 4))
    scores.output("scores", ("faces",))
    landmarks.output("landmarks", ("faces", _LANDMARKS, 2))
    qualities.output("qualities", ("faces", QUALITIES))
    add_unfit(qualities).output("unfit", ("faces",))
    encodings.output("encodings", ("faces", ENCODING_SIZE))
    if judge is not None:
        everyone.output("everyone", ("faces", judging.people))
    return serialized(builder.graph("boxes"))


class _Views(NamedTuple):
    """What encodes a face: the network, how many views there are, and what says whether all of them are needed."""

    encoder: Network
    number: int
    judge: Judge | None

    @property
    def people(self) -> int:
        """How many people the judge knows."""
        return 0 if self.judge is None else self.judge.head.output[0].type.tensor_type.shape.dim[1].dim_value


def _encoded(photo: Expression, boxes: Expression, predictor: ShapePredictor, views: _Views) -> list[Expression]:
    """Landmarks, qualities, encodings and confidences of all faces.

    One after another, so that memory does not grow with them.
    """

    def body(number: Expression) -> Turn:
        box = boxes.take(number)
        landmarks = add_landmarks(photo, box, predictor)
        chip = add_chip(photo, landmarks)
        quality = add_quality(box, chip, landmarks)
        encoding, everyone = _seen(add_views(chip, views.number), views)
        results = [(landmarks.to(np.float32), (_LANDMARKS, 2)), (quality, (QUALITIES,)), (encoding, (ENCODING_SIZE,))]
        return Turn(collected=[*results, (everyone, (views.people,))])

    return loop(boxes.builder, body, trips=boxes.shape(end=1).reshaped())


def _seen(chips: Expression, views: _Views) -> tuple[Expression, Expression]:
    """The mean encoding of a face's views, uint8 (views, 150, 150, 3), as far as they are needed; and confidences."""

    def view(turn: Expression, total: Expression, *_: Expression) -> Turn:
        # Weights belong to the body's own graph: ONNX Runtime arranges only those for its fast convolutions.
        total = total + add_encoder(stacked([chips.take(turn)]), views.encoder)
        encoding = total / (turn + 1).to(np.float32)
        everyone, in_doubt = _judged(encoding, views.judge)
        return Turn([total, encoding.take(0), everyone], going=in_doubt | (turn > 0))

    builder = chips.builder
    nothing = constant(builder, np.zeros((1, ENCODING_SIZE)), np.float32)
    trips = constant(builder, views.number, np.int64)
    _, encoding, everyone = loop(builder, view, [nothing, nothing.take(0), nothing.take(0)], trips)
    return encoding, everyone


def _judged(encoding: Expression, judge: Judge | None) -> tuple[Expression, Expression]:
    """How sure it is of each person, float32 (people,), and whether that leaves doubt, bool ()."""
    builder = encoding.builder
    if judge is None:
        return constant(builder, np.zeros(0), np.float32), constant(builder, True, bool)
    name = builder.inlined(judge.head, encodings=encoding.name)["confidence"]
    everyone = Expression(builder, name, np.float32).take(0)
    best = everyone.apply("ReduceMax", keepdims=0)
    return everyone, (best >= judge.least) & (best <= judge.most)
