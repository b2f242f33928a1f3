"""fHOG features of grey pictures, as part of an ONNX graph.

The features are those of Felzenszwalb, Girshick, McAllester and Ramanan (2010), as dlib's ``fhog.h`` computes
them on grey pictures: 31 numbers for every cell.
"""

import numpy as np
import numpy.typing as npt

from preprocessor.dlib_files.fhog_format import FEATURES
from preprocessor.graphs.expression import Expression, concatenated, constant, minimum
from preprocessor.graphs.gradient_tables import DIRECTIONS, SIDE

#: Directions without sign.
_COUNT = DIRECTIONS // 2
#: Numbers of a cell before they are normalized: of the directions with and without sign.
_NUMBERS = DIRECTIONS + _COUNT
#: dlib's constants: what is added to the energy of four cells, half the limit of a normalized number (over the
#: limit itself), the limit times that, and the weight of a texture.
EPSILON, HALF, HIGHEST, _TEXTURE = 1e-4, 0.5, 0.1, 2 * 0.2357


def add_gradients(pixels: Expression) -> Expression:
    """Where every inner pixel's gradient stands in the ``GradientTables``, int32 (rows - 2, columns - 2).

    ``pixels`` are whole numbers, int32 (rows, columns).
    """
    x = _sliced(pixels, (1, 2), (-1, 1 << 30)) - _sliced(pixels, (1, 0), (-1, -2))
    y = _sliced(pixels, (2, 1), (1 << 30, -1)) - _sliced(pixels, (0, 1), (-2, -1))
    return x * SIDE + y


def add_normalized(histograms: Expression) -> Expression:
    """27 numbers normalized in four ways, float32 (n, 4 * 27, rows - 2, columns - 2).

    ``histograms`` are lengths of gradients by direction, float32 (n, 18, rows, columns). The outermost cells get
    none, as their neighbours are unknown.
    """
    signless = histograms.part([0], [_COUNT], 1) + histograms.part([_COUNT], [DIRECTIONS], 1)
    # The energy of the four squares of two by two cells that a cell belongs to.
    energy = signless.apply("ReduceSumSquare", axes=[1]).apply("Conv", _squares())
    axes = [constant(histograms.builder, (axis,), np.int64) for axis in (1, 2)]
    scale = (HALF / (energy + EPSILON).apply("Sqrt")).apply("Unsqueeze", axes[1])
    everything = concatenated([histograms, signless], axis=1)
    inner = _sliced(everything, (1, 1), (-1, -1), (2, 3)).apply("Unsqueeze", axes[0])
    normalized = minimum(inner * scale, HIGHEST)
    shape = concatenated([normalized.shape(0, 1), (4 * _NUMBERS,), normalized.shape(3)])
    return normalized.apply("Reshape", shape)


def feature_sums() -> npt.NDArray[np.float64]:
    """The features, (31, 4 * 27), as sums over the normalized numbers: over the ways, and over the directions."""
    weights = np.zeros((FEATURES, 4, _NUMBERS))
    weights[np.arange(_NUMBERS), :, np.arange(_NUMBERS)] = 1
    weights[_NUMBERS + np.arange(4), np.arange(4), :DIRECTIONS] = _TEXTURE
    return weights.reshape(FEATURES, -1)


def _squares() -> npt.NDArray[np.float64]:
    """Sums over the four squares of two by two cells around a cell, in the order of dlib's textures."""
    weights = np.zeros((4, 1, 3, 3))
    for square, (row, column) in enumerate(((1, 1), (0, 1), (1, 0), (0, 0))):
        weights[square, 0, row : row + 2, column : column + 2] = 1
    return weights


def _sliced(
    value: Expression, starts: tuple[int, ...], ends: tuple[int, ...], axes: tuple[int, ...] = (0, 1)
) -> Expression:
    return value.apply("Slice", *(constant(value.builder, limit, np.int64) for limit in (starts, ends, axes)))
