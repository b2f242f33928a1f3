"""Layers of a dlib network as parts of an ONNX graph."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from constants.exceptions import WeightsError
from preprocessor.dlib_files.network_format import Affine, Convolution, Layer, Pool, RgbInput
from preprocessor.graphs.expression import Expression


def add_normalised(planes: Expression, layer: RgbInput) -> Expression:
    """Float planes (n, 3, rows, columns) from 0 to 255 as dlib's networks take them."""
    # Two steps, as dlib does, not one multiplication and sum: so the values are the same to the last bit.
    return (planes - np.reshape(layer.means, (1, 3, 1, 1))) * (1 / 256,)


def add_convolution(planes: Expression, layer: Convolution, beyond: int = 0) -> Expression:
    """``beyond`` more rows and columns of padding are added at the lower and the right edge."""
    window = _window(layer.weights.shape[2:], layer.stride, layer.padding, beyond)
    return planes.apply("Conv", layer.weights, layer.bias, **window)


def add_pool(planes: Expression, layer: Pool) -> Expression:
    window = _window(layer.window, layer.stride, layer.padding)
    return planes.apply("MaxPool" if layer.kind == "max" else "AveragePool", **window)


def add_chain(planes: Expression, layers: Sequence[Layer]) -> Expression:
    """Convolutions and rectifiers one after another."""
    for layer in layers:
        planes = add_convolution(planes, layer) if isinstance(layer, Convolution) else planes.apply("Relu")
    return planes


def fold_affine(layers: Sequence[Layer]) -> list[Layer]:
    """The same layers with every affine one folded into the convolution before it."""
    folded: list[Layer] = []
    for layer in layers:
        before = folded[-1] if folded else None
        if isinstance(layer, Affine) and isinstance(before, Convolution):
            folded[-1] = _scaled(before, layer)
        else:
            folded.append(layer)
    return folded


def fold_input(layers: Sequence[Layer]) -> list[Layer]:
    """The same layers without the input's normalisation, which becomes part of the first convolution.

    Raises ``WeightsError`` where that convolution pads its input: zeros are no longer the mean then.
    """
    first, convolution, *rest = layers
    if not isinstance(first, RgbInput) or not isinstance(convolution, Convolution) or convolution.padding != (0, 0):
        raise WeightsError("The network does not begin with a convolution of pixels that needs no padding.")
    weights = convolution.weights.astype(np.float64) / 256
    bias = convolution.bias - np.einsum("fchw,c->f", weights, np.array(first.means))
    return [_convolution_like(convolution, weights, bias), *rest]


def _scaled(convolution: Convolution, affine: Affine) -> Convolution:
    scale = affine.scale.astype(np.float64)
    weights = convolution.weights * scale[:, None, None, None]
    bias = convolution.bias * scale + affine.offset
    return _convolution_like(convolution, weights, bias)


def _convolution_like(
    layer: Convolution, weights: npt.NDArray[np.float64], bias: npt.NDArray[np.float64]
) -> Convolution:
    return Convolution(weights.astype(np.float32), bias.astype(np.float32), layer.stride, layer.padding)


def _window(sides: Sequence[int], stride: tuple[int, int], padding: tuple[int, int], beyond: int = 0) -> dict[str, Any]:
    y, x = padding
    return {"kernel_shape": tuple(sides), "strides": stride, "pads": (y, x, y + beyond, x + beyond)}
