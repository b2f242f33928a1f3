"""Whether an ONNX model keeps numbers in files of their own, which whoever loads it would read for it.

ONNX Runtime looks for such files in the folder it runs in, and releases of it differ in how far beyond that they look.
"""

from constants.exceptions import BundleInvalid
from modelization.bundle.onnx_fields import TENSOR, fields_of

#: Fields of a tensor that say where its numbers are: a list of names and values, and the place, of which 0 is here.
_EXTERNAL_DATA, _DATA_LOCATION = 13, 14


def refuse_external_tensors(model: bytes) -> None:
    """Raise ``BundleInvalid`` for an ONNX model that refers to other files, or that is none."""
    for kind, number, value, _ in fields_of(model):
        if kind == TENSOR and (number == _EXTERNAL_DATA or (number == _DATA_LOCATION and value)):
            raise BundleInvalid("The network in this file wants to read other files; a recognizer's never does.")
