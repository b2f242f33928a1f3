"""Grey values of coloured pixels, as OpenCV has them, as part of an ONNX graph."""

import numpy as np

from preprocessor.graphs.expression import Expression, constant

#: Shares of red, green and blue in OpenCV's grey, in 2^15ths (ITU-R BT.601): sums of bytes are exact in float32.
_SHARES, _UNIT = (9798, 19235, 3735), 1 << 15


def add_grey(pixels: Expression) -> Expression:
    """Whole float32 (rows, columns) of RGB pixels, whole float32 (rows, columns, 3)."""
    weighed = pixels.reshaped(-1, 3) @ constant(pixels.builder, np.array(_SHARES)[:, None], np.float32)
    return ((weighed + _UNIT / 2) / _UNIT).apply("Floor").apply("Reshape", pixels.shape(0, 2))
