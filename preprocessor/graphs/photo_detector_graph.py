"""A photo's faces from its pixels, found as ``FacePipeline`` finds them, as part of an ONNX graph."""

import numpy as np

from constants.faces import DETECTION_SIDE
from preprocessor.dlib_files.fhog_format import FhogDetector
from preprocessor.dlib_files.network_format import Network
from preprocessor.graphs.detections_graph import Detections
from preprocessor.graphs.every_face_graph import add_every_face
from preprocessor.graphs.expression import Expression, constant, counted, maximum, minimum
from preprocessor.graphs.loop import Turn, loop


def add_detector(photo: Expression, hog: FhogDetector, mmod: Network) -> Detections:
    """The faces of a photo, uint8 (rows, columns, 3) RGB of any size; boxes are edges in its own pixels.

    Raises ``WeightsError`` for a network that is no such detector.
    """
    sides = photo.shape(0, 2)
    small_sides = working_sides(sides)
    boxes, scores = add_every_face(reduced(photo, small_sides), hog, mmod)
    scale = sides.to(np.float64) / small_sides.to(np.float64)
    return Detections(boxes * scale.take([1, 0, 1, 0]), scores)


def working_sides(sides: Expression) -> Expression:
    """Rows and columns of the picture that the detector sees, int64 (2,)."""
    wide = sides.to(np.float64)
    scale = minimum(DETECTION_SIDE / wide.apply("ReduceMax", keepdims=1), 1.0)
    return maximum((wide * scale).apply("Round"), 1.0).to(np.int64)


def reduced(photo: Expression, sides: Expression) -> Expression:
    """A photo (rows, columns, 3) with smaller sides, whole float32, as OpenCV's INTER_AREA makes it."""
    return _averaged(_averaged(photo, sides, 0), sides, 1).apply("Round")


def _averaged(pixels: Expression, sides: Expression, axis: int) -> Expression:
    """Pixels (rows, columns, 3) averaged over areas along an axis, float32."""
    builder = pixels.builder
    before, after = pixels.shape(axis, axis + 1), sides.take([axis])
    scale = before.to(np.float64) / after.to(np.float64)
    start = counted(after).to(np.float64) * scale
    end = start + scale
    nearest = start.apply("Floor")
    shape = (-1, 1, 1) if axis == 0 else (1, -1, 1)

    def body(turn: Expression, total: Expression) -> Turn:
        place = nearest + turn.to(np.float64)
        share = maximum(minimum(end, place + 1.0) - maximum(start, place), 0.0) / scale
        taken = pixels.take(minimum(place.to(np.int64), before - 1), axis).to(np.float32)
        return Turn([total + taken * share.to(np.float32).reshaped(*shape)])

    # Without a reduction every place has one pixel; else an area may reach into one more.
    reach = (scale.apply("Ceil") + (scale > 1.0).to(np.float64)).to(np.int64).reshaped()
    return loop(builder, body, [constant(builder, 0, np.float32)], reach)[0]
