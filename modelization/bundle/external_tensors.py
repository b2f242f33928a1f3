"""Whether an ONNX model keeps numbers in files of their own, which whoever loads it would read for it.

ONNX Runtime looks for such files in the folder it runs in, and releases of it differ in how far beyond that they look.
Read here from the model's bytes alone (protocol buffers, onnx.proto): the package onnx would copy all of it, and takes
a fifth of a second to load itself.
"""

from collections.abc import Iterator

from constants.exceptions import BundleInvalid

#: Of each kind of message the fields that hold others in which a tensor may stand.
_INSIDE = {
    "Model": {7: "Graph", 20: "Training", 25: "Function"},
    "Training": {1: "Graph", 2: "Graph"},
    "Graph": {1: "Node", 5: "Tensor", 15: "SparseTensor"},
    "Function": {7: "Node", 11: "Attribute"},
    "Node": {5: "Attribute"},
    "Attribute": {5: "Tensor", 6: "Graph", 10: "Tensor", 11: "Graph", 22: "SparseTensor", 23: "SparseTensor"},
    "SparseTensor": {1: "Tensor", 2: "Tensor"},
    "Tensor": {},
}
#: Fields of a tensor that say where its numbers are: a list of names and values, and the place, of which 0 is here.
_EXTERNAL_DATA, _DATA_LOCATION = 13, 14
#: Fields that are looked at, and how deep: a recognizer's head has hundreds, and no graph in a graph.
_MAX_FIELDS, _MAX_DEPTH = 1_000_000, 16
#: Kinds of values on the wire, and the bytes of those whose length is fixed.
_VARINT, _BYTES, _FIXED = 0, 2, {1: 8, 5: 4}
#: Bytes of the longest number.
_MAX_VARINT = 10


def refuse_external_tensors(model: bytes) -> None:
    """Raise ``BundleInvalid`` for an ONNX model that refers to other files, or that is none."""
    waiting = [("Model", memoryview(model), 0)]
    looked_at = 0
    while waiting:
        kind, message, depth = waiting.pop()
        for number, value in _fields(message):
            looked_at += 1
            if looked_at > _MAX_FIELDS or depth > _MAX_DEPTH:
                raise BundleInvalid("The network in this file has more parts than a recognizer's ever has.")
            if kind == "Tensor" and (number == _EXTERNAL_DATA or (number == _DATA_LOCATION and value)):
                raise BundleInvalid("The network in this file wants to read other files; a recognizer's never does.")
            if number in _INSIDE[kind] and isinstance(value, memoryview):
                waiting.append((_INSIDE[kind][number], value, depth + 1))


def _fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """The fields of a message: their numbers, and a number or bytes each."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        number, wire = key >> 3, key & 7
        if wire == _VARINT:
            value, at = _varint(message, at)
            yield number, value
            continue
        if wire == _BYTES:
            length, at = _varint(message, at)
        elif wire in _FIXED:
            length = _FIXED[wire]
        else:
            raise _damaged()
        if at + length > len(message):
            raise _damaged()
        yield number, message[at : at + length]
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
