"""A reader of dlib's serialized networks: a file in, a plain list of layers out.

The format (dlib 19 and later) as far as its published networks use it. An integer is a control
byte (low four bits: how many bytes follow; top bit: negative) and little-endian bytes. A string
is its length and its bytes; a truth value is the character 0 or 1. A number with a fraction is
two integers, a mantissa and a power of two. A tensor is the integer 2, four dimensions (samples,
channels, rows, columns) and little-endian float32 values.

Layers are nested from the last to the first, each of them a version that precedes what is inside
it and its own content that follows: so a file begins with the loss and the versions of all layers,
then come the input layer and the contents of all layers from the first to the last.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

import numpy as np
import numpy.typing as npt

from constants.exceptions import WeightsError

#: Weights as the file holds them.
Weights = npt.NDArray[np.float32]

#: Versions that stand before a layer's inside: the wrapper of a tag or a skip has no content.
_WRAPPER_VERSION, _LAYER_VERSION, _FIRST_LAYER_VERSION = 1, 2, 3
#: Bytes of the longest integer and of the longest string that these files hold.
_MAX_INTEGER_BYTES, _MAX_STRING_BYTES = 8, 64
#: Levels of nesting, far above the 139 of the published networks.
_MAX_LAYERS = 1000


@dataclass(frozen=True)
class RgbInput:
    """RGB pixels, less ``means`` (red, green, blue), over 256; ``sides`` (rows, columns) where fixed."""

    means: tuple[float, float, float]
    sides: tuple[int, int] | None


@dataclass(frozen=True)
class Convolution:
    """Cross-correlation: weights (filters, channels, rows, columns), bias (filters,), steps and padding (y, x)."""

    weights: Weights
    bias: Weights
    stride: tuple[int, int]
    padding: tuple[int, int]


@dataclass(frozen=True)
class Affine:
    """Every channel times ``scale`` plus ``offset``, both (channels,); what batch normalisation is at inference."""

    scale: Weights
    offset: Weights


@dataclass(frozen=True)
class Relu:
    """Negative values become zero."""


@dataclass(frozen=True)
class Pool:
    """The maximum or the average of a window (rows, columns); a window of (0, 0) is the whole plane."""

    kind: str
    window: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int]


@dataclass(frozen=True)
class Tag:
    """A point whose output a later layer refers to."""


@dataclass(frozen=True)
class Skip:
    """Goes back to the output of the tag before the last."""


@dataclass(frozen=True)
class AddTagged:
    """Adds the output of the last open tag; the smaller of the two is first extended with zeros."""


@dataclass(frozen=True)
class FullyConnected:
    """A product with weights (inputs, outputs), no bias."""

    weights: Weights


Layer = RgbInput | Convolution | Affine | Relu | Pool | Tag | Skip | AddTagged | FullyConnected


@dataclass(frozen=True)
class MetricLoss:
    """What the encoder was trained with: the margin and the distance between two people."""

    margin: float
    distance: float


@dataclass(frozen=True)
class BoxOverlap:
    """When two boxes overlap: intersection over union, or a share of either box, above a threshold."""

    iou: float
    covered: float


@dataclass(frozen=True)
class MmodLoss:
    """What turns a detector's scores into boxes: windows (width, height) in pixels, one an output channel."""

    windows: tuple[tuple[int, int], ...]
    loss_per_false_alarm: float
    loss_per_missed_target: float
    truth_match_iou: float
    overlaps_nms: BoxOverlap
    overlaps_ignore: BoxOverlap


@dataclass(frozen=True)
class Network:
    """A file's loss, and its layers from the first to the last."""

    loss: MetricLoss | MmodLoss
    layers: tuple[Layer, ...]


def read_network(path: Path) -> Network:
    """The network in a file. Raises ``WeightsError`` for anything but the networks described above."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise WeightsError(f"{path.name} cannot be read: {error.strerror}.") from error
    reader = _Reader(content, path.name)
    reader.expect("version of the network", reader.integer(), 1)
    loss = _read_loss(reader)
    layers = _read_layers(reader)
    reader.end()
    return Network(loss, layers)


class _Reader:
    """Reads the format's basic values one after another."""

    def __init__(self, content: bytes, name: str) -> None:
        self._content = content
        self._name = name
        self._position = 0

    def error(self, problem: str) -> WeightsError:
        return WeightsError(
            f"{self._name} is not one of dlib's published networks: {problem} at byte {self._position}."
        )

    def expect(self, what: str, found: object, *wanted: object) -> None:
        if found not in wanted:
            raise self.error(f"{what} is {found!r} instead of {' or '.join(map(repr, wanted))}")

    def end(self) -> None:
        if self._position != len(self._content):
            raise self.error("there is more than a network")

    def take(self, count: int) -> bytes:
        if count > len(self._content) - self._position:
            raise self.error("it ends early")
        self._position += count
        return self._content[self._position - count : self._position]

    def integer(self) -> int:
        control = self.take(1)[0]
        size = control & 0x0F
        if not 1 <= size <= _MAX_INTEGER_BYTES or control & 0x70:
            raise self.error("an integer has a wrong control byte")
        value = int.from_bytes(self.take(size), "little")
        return -value if control & 0x80 else value

    def size(self, what: str) -> int:
        value = self.integer()
        if value < 0:
            raise self.error(f"{what} is negative")
        return value

    def pair(self, what: str) -> tuple[int, int]:
        return self.size(what), self.size(what)

    def number(self) -> float:
        mantissa, exponent = self.integer(), self.integer()
        # dlib gives infinities and NaN the exponents from 32000 on; no weight needs more than 1023.
        if not -1100 <= exponent <= 1023 - 64:
            raise self.error("a number is not finite")
        return mantissa * 2.0**exponent

    def truth(self) -> bool:
        character = self.take(1)
        self.expect("a truth value", character, b"0", b"1")
        return character == b"1"

    def string(self) -> str:
        size = self.size("the length of a string")
        if size > _MAX_STRING_BYTES:
            raise self.error(f"a string of {size} bytes is too long")
        return self.take(size).decode("ascii", "replace")

    def dimensions(self) -> tuple[int, ...]:
        return tuple(self.size("a dimension") for _ in range(4))

    def tensor(self) -> Weights:
        """Values in one dimension: what these files say about a tensor's shape is said again by its layer."""
        self.expect("version of a tensor", self.integer(), 2)
        samples, channels, rows, columns = self.dimensions()
        values = np.frombuffer(self.take(4 * samples * channels * rows * columns), "<f4").astype(np.float32)
        if not np.isfinite(values).all():
            raise self.error("a weight is not finite")
        return values

    def alias(self) -> tuple[int, ...]:
        """The dimensions of a part of a tensor."""
        self.expect("version of a tensor's part", self.integer(), 1)
        return self.dimensions()

    def parts(self, tensor: Weights, *shapes: tuple[int, ...]) -> list[Weights]:
        """A tensor cut into consecutive parts that use up all of it."""
        ends = list(accumulate(math.prod(shape) for shape in shapes))
        if ends[-1] != tensor.size or tensor.size == 0:
            raise self.error(f"{tensor.size} weights cannot have the shapes {shapes}")
        return [part.reshape(shape) for part, shape in zip(np.split(tensor, ends[:-1]), shapes, strict=True)]


def _read_loss(reader: _Reader) -> MetricLoss | MmodLoss:
    kind = reader.string()
    reader.expect("the loss", kind, "loss_metric_2", "loss_mmod_")
    if kind == "loss_metric_2":
        return MetricLoss(reader.number(), reader.number())
    reader.expect("version of the detector's options", reader.integer(), 1)
    return MmodLoss(
        (reader.pair("a window"),),
        reader.number(),
        reader.number(),
        reader.number(),
        BoxOverlap(reader.number(), reader.number()),
        BoxOverlap(reader.number(), reader.number()),
    )


def _read_layers(reader: _Reader) -> tuple[Layer, ...]:
    versions = _read_versions(reader)
    layers: list[Layer] = [_read_input(reader), *_read_layer(reader, first=True)]
    wrapped = False
    for version in reversed(versions):
        if version == _WRAPPER_VERSION:
            # A wrapper's content is only its inside. One directly around another is a skip: it
            # carries on from an earlier tag, with the tag inside it left for the layer that adds.
            layers.append(Skip() if wrapped else Tag())
        else:
            layers += _read_layer(reader)
        wrapped = version == _WRAPPER_VERSION
    return tuple(layers)


def _read_versions(reader: _Reader) -> list[int]:
    """The versions of all layers but the first, from the last layer to the second."""
    versions: list[int] = []
    while (version := reader.integer()) != _FIRST_LAYER_VERSION:
        reader.expect("version of a layer", version, _WRAPPER_VERSION, _LAYER_VERSION)
        versions.append(version)
        if len(versions) > _MAX_LAYERS:
            raise reader.error("it has too many layers")
    return versions


def _read_input(reader: _Reader) -> RgbInput:
    kind = reader.string()
    reader.expect("the input", kind, "input_rgb_image_sized", "input_rgb_image_pyramid")
    means = (reader.number(), reader.number(), reader.number())
    return RgbInput(means, reader.pair("a side") if kind == "input_rgb_image_sized" else None)


def _read_layer(reader: _Reader, first: bool = False) -> list[Layer]:
    """One layer, and the state of its training, which must be empty."""
    kind = reader.string()
    if kind not in _CONTENTS:
        raise reader.error(f"the layer {kind!r} is unknown")
    layers = _CONTENTS[kind](reader)
    for _ in range(3):
        reader.truth()
    # Gradient and kept output; then the parameters' gradient, or for the first layer the input's.
    for _ in range(3):
        if reader.tensor().size:
            raise reader.error("it holds the state of a training")
    if first:
        reader.expect("pictures from one", reader.size("pictures from one"), 1)
    return layers


def _read_convolution(reader: _Reader) -> list[Layer]:
    tensor = reader.tensor()
    filters, rows, columns = (reader.size("a convolution's side") for _ in range(3))
    stride, padding = reader.pair("a stride"), reader.pair("a padding")
    shape, bias_shape = reader.alias(), reader.alias()
    if (shape[0], *shape[2:]) != (filters, rows, columns) or bias_shape != (1, filters, 1, 1) or 0 in stride:
        raise reader.error("a convolution contradicts itself")
    _read_multipliers(reader)
    weights, bias = reader.parts(tensor, shape, (filters,))
    return [Convolution(weights, bias, stride, padding)]


def _read_affine(reader: _Reader) -> list[Layer]:
    tensor = reader.tensor()
    reader.alias()
    reader.alias()
    reader.expect("an affine layer's mode", reader.integer(), 0)
    return [Affine(*reader.parts(tensor, (tensor.size // 2,), (tensor.size // 2,)))]


def _read_batch_normalisation(reader: _Reader) -> list[Layer]:
    """gamma * (x - mean) / sqrt(variance + eps) + beta (Ioffe and Szegedy 2015), as an affine layer."""
    tensor = reader.tensor()
    reader.alias()
    reader.alias()
    _means, _inverse_deviations, running_mean, running_variance = (reader.tensor() for _ in range(4))
    reader.size("a count of updates")
    reader.size("a window of updates")
    _read_multipliers(reader)
    epsilon = reader.number()
    gamma, beta = reader.parts(tensor, (tensor.size // 2,), (tensor.size // 2,))
    consistent = running_mean.shape == running_variance.shape == gamma.shape
    if not consistent or epsilon <= 0 or running_variance.min() < 0:
        raise reader.error("a batch normalisation contradicts itself")
    scale = gamma / np.sqrt(running_variance.astype(np.float64) + epsilon)
    return [Affine(scale.astype(np.float32), (beta - scale * running_mean).astype(np.float32))]


def _read_fully_connected(reader: _Reader) -> list[Layer]:
    outputs, inputs = reader.size("a count of outputs"), reader.size("a count of inputs")
    tensor = reader.tensor()
    reader.alias()
    reader.alias()
    reader.expect("a fully connected layer's bias", reader.integer(), 1)
    _read_multipliers(reader)
    return [FullyConnected(reader.parts(tensor, (inputs, outputs))[0])]


def _read_pool(reader: _Reader, kind: str) -> list[Layer]:
    return [Pool(kind, reader.pair("a window"), reader.pair("a stride"), reader.pair("a padding"))]


def _read_multipliers(reader: _Reader) -> None:
    """Learning rate and weight decay of weights and of bias: of no use at inference."""
    for _ in range(4):
        reader.number()


_CONTENTS: dict[str, Callable[[_Reader], list[Layer]]] = {
    "con_4": _read_convolution,
    "affine_": _read_affine,
    "bn_con2": _read_batch_normalisation,
    "relu_": lambda _: [Relu()],
    "max_pool_2": lambda reader: _read_pool(reader, "max"),
    "avg_pool_2": lambda reader: _read_pool(reader, "average"),
    "add_prev_": lambda _: [AddTagged()],
    "fc_2": _read_fully_connected,
}
