"""The whole face pipeline with the MMOD detector as one ONNX graph: a photo in, encoded faces out."""

import numpy as np

from constants.faces import ENCODING_SIZE
from preprocessor.dlib_files.network_format import Network, read_network
from preprocessor.dlib_files.shape_predictor_format import ShapePredictor, read_shape_predictor
from preprocessor.dlib_files.weights import ENCODER, LANDMARKS_5, MMOD_DETECTOR, weights_path
from preprocessor.graphs.builder import GraphBuilder, serialized
from preprocessor.graphs.chip_graph import add_chip
from preprocessor.graphs.encoder_graph import add_encoder
from preprocessor.graphs.expression import Expression, maximum, minimum
from preprocessor.graphs.landmarks_graph import add_landmarks
from preprocessor.graphs.loop import Turn, loop
from preprocessor.graphs.photo_detector_graph import add_detector
from preprocessor.graphs.quality_graph import QUALITIES, add_quality, add_unfit
from preprocessor.graphs.views_graph import add_views

#: Landmarks of a face.
_LANDMARKS = 5


def photo_graph(views: int) -> bytes:
    """A serialized model from ``photo``, uint8 (rows, columns, 3) RGB of any size, to its faces by falling score.

    Of them ``boxes`` float32 (faces, 4), the edges at the left, top, right and bottom in pixels of the photo and within
    it, ``scores`` float32 (faces,), ``landmarks`` float32 (faces, 5, 2) and ``encodings`` float32 (faces, 128), each
    the mean of 1, 2 or 6 ``views``; and ``qualities`` float32 (faces, 5) and ``unfit`` int32 (faces,), as
    ``quality_graph`` gives them.
    """
    detector, encoder = (read_network(weights_path(name)) for name in (MMOD_DETECTOR, ENCODER))
    predictor = read_shape_predictor(weights_path(LANDMARKS_5))
    builder = GraphBuilder()
    photo = Expression.input(builder, "photo", np.uint8, ("rows", "columns", 3))
    boxes, scores = add_detector(photo, detector)
    landmarks, qualities, encodings = _encoded(photo, boxes, predictor, encoder, views)
    edges = photo.shape(0, 2).take([1, 0, 1, 0]).to(np.float64)
    minimum(maximum(boxes, 0.0), edges).to(np.float32).output("boxes", ("faces", 4))
    scores.output("scores", ("faces",))
    landmarks.output("landmarks", ("faces", _LANDMARKS, 2))
    qualities.output("qualities", ("faces", QUALITIES))
    add_unfit(qualities).output("unfit", ("faces",))
    encodings.output("encodings", ("faces", ENCODING_SIZE))
    return serialized(builder.graph("boxes"))


def _encoded(
    photo: Expression, boxes: Expression, predictor: ShapePredictor, encoder: Network, count: int
) -> tuple[Expression, Expression, Expression]:
    """Landmarks, qualities and encodings of all faces, one after another, so that memory does not grow with them."""

    def body(number: Expression) -> Turn:
        box = boxes.take(number)
        landmarks = add_landmarks(photo, box, predictor)
        chip = add_chip(photo, landmarks)
        quality = add_quality(box, chip, landmarks)
        views = add_views(chip, count)
        # Weights belong to the body's own graph: ONNX Runtime arranges only those for its fast convolutions.
        mean = add_encoder(views, encoder).apply("ReduceMean", axes=[0], keepdims=0)
        points = landmarks.to(np.float32)
        return Turn(collected=[(points, (_LANDMARKS, 2)), (quality, (QUALITIES,)), (mean, (ENCODING_SIZE,))])

    landmarks, qualities, encodings = loop(boxes.builder, body, trips=boxes.shape(end=1).reshaped())
    return landmarks, qualities, encodings
