"""dlib's face recognition ResNet (a ResNet-34 with fewer layers and half the filters) as an ONNX graph."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from constants.exceptions import WeightsError
from constants.faces import CHIP_SIDE, ENCODING_SIZE
from preprocessor.dlib_files.network_format import (
    AddTagged,
    Convolution,
    FullyConnected,
    Layer,
    Network,
    Pool,
    Relu,
    RgbInput,
    Skip,
    Tag,
)
from preprocessor.graphs.builder import GraphBuilder, serialized
from preprocessor.graphs.expression import Expression, constant
from preprocessor.graphs.network_layers import add_convolution, add_normalised, add_pool, fold_affine


def encoder_graph(network: Network) -> bytes:
    """A serialized model from ``chips`` uint8 (n, 150, 150, 3) RGB to ``encodings`` float32 (n, 128).

    Raises ``WeightsError`` for a network that is no such encoder.
    """
    builder = GraphBuilder()
    chips = Expression.input(builder, "chips", np.uint8, ("n", CHIP_SIDE, CHIP_SIDE, 3))
    add_encoder(chips, network).output("encodings", ("n", ENCODING_SIZE))
    return serialized(builder.graph("encodings"))


def add_encoder(chips: Expression, network: Network) -> Expression:
    """The encoder as a part of a graph: encodings of chips."""
    first, *layers = fold_affine(network.layers)
    if not isinstance(first, RgbInput) or first.sides != (CHIP_SIDE, CHIP_SIDE):
        raise WeightsError(f"The encoder's network does not take chips of {CHIP_SIDE}x{CHIP_SIDE} pixels.")
    pixels = chips.to(np.float32).apply("Transpose", perm=(0, 3, 1, 2))
    output = _Walk().run(_Planes(add_normalised(pixels, first), 3, CHIP_SIDE), layers)
    if (output.channels, output.side) != (ENCODING_SIZE, 0):
        raise WeightsError(f"The encoder's network does not give {ENCODING_SIZE} numbers.")
    return output.value


@dataclass(frozen=True)
class _Planes:
    """What a node gives: square planes of ``side`` pixels, or with a side of 0 one number a channel."""

    value: Expression
    channels: int
    side: int


class _Walk:
    """Adds layers to a graph one after another, and keeps what their tags stand for."""

    def __init__(self) -> None:
        self._tagged: list[_Planes] = []

    def run(self, planes: _Planes, layers: Sequence[Layer]) -> _Planes:
        for layer in layers:
            planes = self._add(planes, layer)
        return planes

    def _add(self, planes: _Planes, layer: Layer) -> _Planes:
        match layer:
            case Convolution(weights=weights) if weights.shape[1] == planes.channels:
                side = _side_after(planes.side, weights.shape[2:], layer.stride, layer.padding)
                planes = _Planes(add_convolution(planes.value, layer), len(weights), side)
            case Relu():
                planes = _Planes(planes.value.apply("Relu"), planes.channels, planes.side)
            case Pool():
                planes = self._pool(planes, layer)
            case Tag():
                self._tagged.append(planes)
            case Skip() if len(self._tagged) == 2:
                planes = self._tagged[0]
            case AddTagged() if self._tagged:
                planes = self._sum(planes)
            case FullyConnected(weights=weights) if (len(weights), 0) == (planes.channels, planes.side):
                planes = _Planes(planes.value @ weights, weights.shape[1], 0)
            case _:
                raise WeightsError(f"The encoder's network has an unexpected layer: {type(layer).__name__}.")
        return planes

    def _pool(self, planes: _Planes, layer: Pool) -> _Planes:
        if layer.window == (0, 0):
            return _Planes(planes.value.apply("GlobalAveragePool").apply("Flatten"), planes.channels, 0)
        side = _side_after(planes.side, layer.window, layer.stride, layer.padding)
        return _Planes(add_pool(planes.value, layer), planes.channels, side)

    def _sum(self, planes: _Planes) -> _Planes:
        """The sum with the last tagged planes, both extended with zeros (after the last) to the larger of the two."""
        other = self._tagged[-1]
        self._tagged.clear()
        channels, side = max(planes.channels, other.channels), max(planes.side, other.side)
        return _Planes(_extended(other, channels, side) + _extended(planes, channels, side), channels, side)


def _extended(planes: _Planes, channels: int, side: int) -> Expression:
    if (planes.channels, planes.side) == (channels, side):
        return planes.value
    more = side - planes.side
    pads = (0, 0, 0, 0, 0, channels - planes.channels, more, more)
    return planes.value.apply("Pad", constant(planes.value.builder, pads, np.int64))


def _side_after(side: int, window: Sequence[int], stride: tuple[int, int], padding: tuple[int, int]) -> int:
    """The side of a square plane after a window has gone over it."""
    if not window[0] == window[1] <= side + 2 * padding[0] or stride[0] != stride[1] or padding[0] != padding[1]:
        raise WeightsError("The encoder's network has a window that is not square, or larger than its input.")
    return (side + 2 * padding[0] - window[0]) // stride[0] + 1
