"""The fields of an ONNX model, read from its bytes alone (protocol buffers, onnx.proto).

The package onnx would copy all of it, which may be half a gigabyte, and takes a fifth of a second to load itself.
"""

from collections.abc import Iterator
from typing import NamedTuple

from constants.exceptions import BundleInvalid

#: The kind of message that holds numbers.
TENSOR = "Tensor"
#: Of each kind of message the fields that hold others in which a tensor may stand.
_INSIDE = {
    "Model": {7: "Graph", 20: "Training", 25: "Function"},
    "Training": {1: "Graph", 2: "Graph"},
    "Graph": {1: "Node", 5: TENSOR, 15: "SparseTensor"},
    "Function": {7: "Node", 11: "Attribute"},
    "Node": {5: "Attribute"},
    "Attribute": {5: TENSOR, 6: "Graph", 10: TENSOR, 11: "Graph", 22: "SparseTensor", 23: "SparseTensor"},
    "SparseTensor": {1: TENSOR, 2: TENSOR},
    TENSOR: {},
}
#: Fields that are looked at, and how deep: a recognizer's head has hundreds, and no graph in a graph.
_MAX_FIELDS, _MAX_DEPTH = 1_000_000, 16
#: Kinds of values on the wire, and the bytes of those whose length is fixed.
_VARINT, _BYTES, _FIXED = 0, 2, {1: 8, 5: 4}
#: Bytes of the longest number.
_MAX_VARINT = 10


class Field(NamedTuple):
    """A field of a message of some ``kind``: its number, a number or bytes, and how many of the model's bytes are
    before it.
    """

    kind: str
    number: int
    value: int | memoryview
    place: int


def fields_of(model: bytes | memoryview) -> Iterator[Field]:
    """All fields of a model and of the messages in it, in no order. Raises ``BundleInvalid`` for what is none."""
    waiting = [("Model", memoryview(model), 0, 0)]
    looked_at = 0
    while waiting:
        kind, message, begin, depth = waiting.pop()
        for number, value, at in _fields(message):
            looked_at += 1
            if looked_at > _MAX_FIELDS or depth > _MAX_DEPTH:
                raise BundleInvalid("The network in this file has more parts than a recognizer's ever has.")
            yield Field(kind, number, value, begin + at)
            if number in _INSIDE[kind] and isinstance(value, memoryview):
                waiting.append((_INSIDE[kind][number], value, begin + at, depth + 1))


def _fields(message: memoryview) -> Iterator[tuple[int, int | memoryview, int]]:
    """The fields of a message: their numbers, a number or bytes each, and where that begins."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        number, wire = key >> 3, key & 7
        if wire == _VARINT:
            begin = at
            value, at = _varint(message, at)
            yield number, value, begin
            continue
        if wire == _BYTES:
            length, at = _varint(message, at)
        elif wire in _FIXED:
            length = _FIXED[wire]
        else:
            raise _damaged()
        if at + length > len(message):
            raise _damaged()
        yield number, message[at : at + length], at
        at += length


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    """A number, seven bits a byte, the lowest first; and where it ends."""
    number = 0
    for place, byte in enumerate(message[at : at + _MAX_VARINT]):
        number |= (byte & 127) << 7 * place
        if byte < 128:
            return number, at + place + 1
    raise _damaged()


def _damaged() -> BundleInvalid:
    return BundleInvalid("The network in this file is damaged; download the recognizer again.")
