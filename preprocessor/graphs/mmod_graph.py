"""dlib's MMOD face detector (max-margin object detection, King 2015) as fully convolutional ONNX graphs.

The network is cut in two, so that its first layers, whose planes are large and whose view is
small, can go over a large picture band by band in bounded memory.
"""

from collections.abc import Sequence

import numpy as np

from constants.exceptions import WeightsError
from preprocessor.dlib_files.network_format import Convolution, Layer, Network, Relu
from preprocessor.graphs.builder import GraphBuilder, serialized
from preprocessor.graphs.expression import Expression, constant
from preprocessor.graphs.network_layers import add_chain, add_convolution, fold_affine, fold_input

#: Channels are filled up with zeros to a multiple of this: ONNX Runtime's fast convolutions take
#: blocks of 16 (AVX-512) or 8 (AVX2), and would leave 45 channels to slower ones.
_CHANNEL_BLOCK = 16
#: Side of the squares of scores that the last layer gives at once, as channels: 16 channels take
#: its convolution as long as one, over a sixteenth of the positions.
_SCORE_BLOCK = 4


def resize_graph() -> bytes:
    """A serialized model that resizes ``planes``, float32 (n, 3, rows, columns), to ``resized``.

    Its other input, ``sides``, is int64 (4,): the sizes wanted of all four dimensions.
    """
    builder = GraphBuilder()
    planes = Expression.input(builder, "planes", np.float32, ("n", 3, "rows", "columns"))
    sides = Expression.input(builder, "sides", np.int64, (4,))
    add_resize(planes, sides).output("resized", ("n", 3, "resized_rows", "resized_columns"))
    return serialized(builder.graph("resized"))


def add_resize(planes: Expression, sides: Expression) -> Expression:
    """Resizing as a part of a graph: the planes with the sizes in ``sides``.

    The centres of both pictures' corner pixels coincide, as in dlib's resizing; in OpenCV's the outer edges do.
    """
    mapping = {"mode": "linear", "coordinate_transformation_mode": "align_corners"}
    return planes.apply("Resize", None, None, sides, **mapping)


def features_graph(network: Network) -> bytes:
    """The first half: from ``planes`` float32 (n, 3, rows, columns), RGB from 0 to 255, to ``features``.

    Features are float32 (n, channels, rows, columns), one for every eight rows and columns of the
    planes that it sees whole. Raises ``WeightsError`` for a network that is no such detector.
    """
    builder = GraphBuilder()
    planes = Expression.input(builder, "planes", np.float32, ("n", 3, "rows", "columns"))
    add_features(planes, network).output("features", ("n", "channels", "feature_rows", "feature_columns"))
    return serialized(builder.graph("features"))


def scores_graph(network: Network) -> bytes:
    """The second half: from ``features`` to ``scores`` float32 (n, windows, rows, columns), one for every feature.

    Raises ``WeightsError`` for a network that is no such detector.
    """
    builder = GraphBuilder()
    features = Expression.input(builder, "features", np.float32, ("n", "channels", "rows", "columns"))
    add_scores(features, network).output("scores", ("n", "windows", "score_rows", "score_columns"))
    return serialized(builder.graph("scores"))


def add_features(planes: Expression, network: Network) -> Expression:
    """The first half as a part of a graph: features of planes."""
    return add_chain(planes, _halves(network)[0])


def add_scores(features: Expression, network: Network) -> Expression:
    """The second half as a part of a graph: scores of features."""
    *inner, last = _halves(network)[1]
    assert isinstance(last, Convolution)
    blocks = add_convolution(add_chain(features, inner), _in_blocks(last), beyond=_SCORE_BLOCK - 1)
    scores = blocks.apply("DepthToSpace", blocksize=_SCORE_BLOCK, mode="CRD")
    # The last squares may reach beyond the features' edge: what is too much is cut off.
    zeros, axes = (constant(scores.builder, values, np.int64) for values in ((0, 0), (2, 3)))
    return scores.apply("Slice", zeros, features.shape(2), axes)


def _halves(network: Network) -> tuple[list[Layer], list[Layer]]:
    """The layers that make planes smaller, and those that keep their size."""
    layers = _fill_channels(fold_input(fold_affine(network.layers)))
    if any(not isinstance(layer, Convolution | Relu) for layer in layers) or not isinstance(layers[-1], Convolution):
        raise WeightsError("The detector's network has other layers than convolutions.")
    cut = next(index for index in range(len(layers)) if _keep_size(layers[index:]))
    return layers[:cut], layers[cut:]


def _keep_size(layers: Sequence[Layer]) -> bool:
    """Whether the layers give planes of the size they take."""
    convolutions = (layer for layer in layers if isinstance(layer, Convolution))
    return isinstance(layers[0], Convolution) and all(
        layer.stride == (1, 1) and layer.weights.shape[2:] == tuple(2 * side + 1 for side in layer.padding)
        for layer in convolutions
    )


def _fill_channels(layers: Sequence[Layer]) -> list[Layer]:
    """The same layers, with zeros for further channels between one convolution and the next."""
    convolutions = [layer for layer in layers if isinstance(layer, Convolution)]
    filled: list[Layer] = []
    more_channels = 0
    for layer in layers:
        if not isinstance(layer, Convolution):
            filled.append(layer)
            continue
        more_filters = 0 if layer is convolutions[-1] else -len(layer.weights) % _CHANNEL_BLOCK
        weights = np.pad(layer.weights, ((0, more_filters), (0, more_channels), (0, 0), (0, 0)))
        filled.append(Convolution(weights, np.pad(layer.bias, (0, more_filters)), layer.stride, layer.padding))
        more_channels = more_filters
    return filled


def _in_blocks(layer: Convolution) -> Convolution:
    """A convolution of step 1 as one of step 4 with sixteen times the filters: a square of outputs at once."""
    filters, channels, rows, columns = layer.weights.shape
    block = _SCORE_BLOCK
    weights = np.zeros((filters, block, block, channels, rows + block - 1, columns + block - 1), np.float32)
    for y, x in np.ndindex(block, block):
        weights[:, y, x, :, y : y + rows, x : x + columns] = layer.weights
    bias = np.repeat(layer.bias, block * block)
    return Convolution(weights.reshape(-1, *weights.shape[3:]), bias, (block, block), layer.padding)
