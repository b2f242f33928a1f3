"""What Python programs use: ``Facial``, the client of a service, and ``Recognizer``, a recognizer's own file."""

from typing import TYPE_CHECKING, Any

from facial.client import AsyncFacial, BuildFailed, Facial, Recognized, ServiceError

if TYPE_CHECKING:
    from facial.recognizer import Recognizer

__all__ = ["AsyncFacial", "BuildFailed", "Facial", "Recognized", "Recognizer", "ServiceError"]


def __getattr__(name: str) -> Any:
    """``Recognizer`` is loaded when it is asked for: a client needs neither numpy nor ONNX Runtime."""
    if name != "Recognizer":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from facial.recognizer import Recognizer

    return Recognizer
