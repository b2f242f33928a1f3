"""dlib's upright chip of a face, cut out of a photo, as part of an ONNX graph."""

from typing import NamedTuple

import numpy as np

from constants.faces import CHIP_PADDING, CHIP_SIDE
from preprocessor.graphs.expression import Expression, constant, maximum, minimum, stacked
from preprocessor.graphs.loop import Turn, loop
from preprocessor.graphs.similarity_graph import add_similarity

#: Where the five landmarks are in a chip without padding, as shares of its side: dlib's ``get_face_chip_details``.
_LANDMARKS = (
    (0.8595674595992, 0.2134981538014),
    (0.6460604764104, 0.2289674387677),
    (0.1205750620789, 0.2137274526848),
    (0.3340850613712, 0.2290642403242),
    (0.4901123135679, 0.6277975316475),
)
#: Pixels that a point moves left and up by in a picture of half the sides, once halved: dlib's ``pyramid_down<2>``.
_HALVING_SHIFT = (1.25, 0.75)
#: What a picture is blurred with before it is halved, in rows and in columns.
_BINOMIAL = np.array((1, 4, 6, 4, 1)) / 16
#: Pixels; the least side of a picture that can be halved.
_LEAST_SIDE = len(_BINOMIAL)
#: Halvings that no photo needs all of.
_MAX_HALVINGS = 16
#: Pixels around a face that are cut out as well, by the number of halvings: each uses up two at the edges.
_MARGINS = 4 * 2 ** np.arange(_MAX_HALVINGS + 1) - 2
#: Grey levels by which float32 may make a value fall short of the whole number that it is.
_LOSS = 1e-3


class _Cut(NamedTuple):
    """A part of a photo, float32 planes (3, 1, rows, columns), and the square in it that the chip shows.

    All float64: ``centre`` (2,), ``side`` () from the middle of the square's first to that of its last
    pixel, and ``direction`` (2,), the cosine and sine of its angle.
    """

    planes: Expression
    centre: Expression
    side: Expression
    direction: Expression


def add_chip(photo: Expression, landmarks: Expression) -> Expression:
    """The chip, uint8 (150, 150, 3), of five landmarks, float64 (5, 2), in a photo, uint8 (rows, columns, 3).

    As dlib's ``extract_image_chip``: what is beyond the photo's edge is black, and a face much larger
    than the chip is cut out of a photo made smaller.
    """
    cut = _halved(_cut_out(photo, landmarks))
    sides = cut.planes.shape(2, 4).take([1, 0]).to(np.float64)
    points = _points(cut)
    within = (points >= 0.0) & (points < sides - 1.0)
    inside = within.to(np.int32).apply("ReduceMin", axes=[2], keepdims=1).to(np.float32)
    # Coordinates go from -1 to 1 between the middles of the first and of the last pixel.
    grid = stacked([(points * 2.0 / maximum(sides - 1.0, 1.0) - 1.0).to(np.float32)])
    planes = cut.planes.apply("Transpose", perm=(1, 0, 2, 3))
    sampled = planes.apply("GridSample", grid, align_corners=1, mode="bilinear")
    return (sampled.take(0).apply("Transpose", perm=(1, 2, 0)) * inside + _LOSS).to(
        np.uint8
    )  # fractions are cut off, as dlib does


def _cut_out(photo: Expression, landmarks: Expression) -> _Cut:
    points = CHIP_SIDE * (np.array(_LANDMARKS) + CHIP_PADDING) / (1 + 2 * CHIP_PADDING)
    cosine, sine, shift = add_similarity(points, landmarks)
    middle = CHIP_SIDE / 2
    centre = stacked([(cosine - sine) * middle, (sine + cosine) * middle]) + shift
    scale = (cosine * cosine + sine * sine).apply("Sqrt")
    side = scale * CHIP_SIDE - 1.0
    direction = stacked([cosine, sine]) / scale
    reach = direction.apply("Abs").sum() * side / 2.0
    margin = constant(side.builder, _MARGINS, np.float64).take(_halvings(side))
    last = photo.shape(0, 2).take([1, 0]).to(np.float64) - 1.0
    first_pixel, last_pixel = (
        minimum(maximum((edge + 0.5).apply("Floor"), 0.0), last)
        for edge in (centre - reach - margin, centre + reach + margin)
    )
    start, stop = first_pixel.to(np.int64).take([1, 0]), last_pixel.to(np.int64).take([1, 0]) + 1
    part = photo.apply("Slice", start, stop, constant(side.builder, (0, 1), np.int64))
    planes = part.to(np.float32).apply("Transpose", perm=(2, 0, 1))
    return _Cut(stacked([planes], axis=1), centre - first_pixel, side, direction)


def _halvings(side: Expression) -> Expression:
    """How often a square is halved until one more halving would make it smaller than the chip, int64 ()."""
    return (side > (CHIP_SIDE - 1) * 2.0 ** np.arange(1, _MAX_HALVINGS + 1)).to(np.int64).sum()


def _halved(cut: _Cut) -> _Cut:
    """The same square in planes halved as often as it takes, each time blurred first."""
    builder = cut.side.builder
    kernel = constant(builder, np.outer(_BINOMIAL, _BINOMIAL)[None, None], np.float32)

    def large_enough(planes: Expression) -> Expression:
        return planes.shape(2, 4).apply("ReduceMin", keepdims=0) >= _LEAST_SIDE

    def body(_: Expression, planes: Expression, centre: Expression, side: Expression) -> Turn:
        # Sums of 256ths are exact in float32; dlib cuts their fractions off.
        smaller = planes.apply("Conv", kernel, strides=(2, 2)).apply("Floor")
        return Turn([smaller, centre / 2.0 - _HALVING_SHIFT, side / 2.0], going=large_enough(smaller))

    state = cut.planes, cut.centre, cut.side
    planes, centre, side = loop(builder, body, state, _halvings(cut.side), large_enough(cut.planes))
    return _Cut(planes, centre, side, cut.direction)


def _points(cut: _Cut) -> Expression:
    """Where the chip's pixels are in the planes, float64 (150, 150, 2): x and y."""
    along = np.arange(CHIP_SIDE) / (CHIP_SIDE - 1) - 0.5
    cosine, sine = (cut.direction.take(index) * cut.side for index in (0, 1))
    across, down = along[None, :], along[:, None]
    turned = stacked([cosine * across - sine * down, sine * across + cosine * down], axis=2)
    return turned + cut.centre
