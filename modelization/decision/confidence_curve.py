"""From a rule's logit to the one whose logistic is shown: one half at the threshold, and elsewhere what is likely."""

from types import ModuleType
from typing import Any, TypeVar, cast

import numpy as np

#: Slopes of the line at the threshold, on the side where the odds have passed one half already, and on the other, where
#: it catches up with them. A steeper one would do so sooner, and make more of float32's last digits, which with many
#: people are worth 4e-6 of a confidence already.
_SLOW, _FAST = 0.05, 1.5

#: Whatever numbers are: of numpy or Python, of Keras, or ONNX expressions.
_Logits = TypeVar("_Logits")


def bent(logits: _Logits, strictness: float, operations: ModuleType = np) -> _Logits:
    """Log-odds to be shown of a rule's ``logits``, which are zero at its threshold; they rise with these, by no jump.

    A confidence should be what is likely where as many strangers come as known people. There the odds are even at the
    threshold for the usual share of strangers, above which this one lies by ``strictness`` nats. So a strict recognizer
    shows the lesser of these odds and a line that is bent at the threshold, and a lax one the greater. ``operations``
    has ``minimum`` and ``maximum`` of whatever the logits are: ``numpy``, ``keras.ops``, or those of ONNX expressions.
    """
    if not strictness:
        return logits
    given: Any = logits
    slow, fast, odds = given * _SLOW, given * _FAST, given + strictness
    if strictness > 0:
        shown = operations.minimum(odds, operations.maximum(slow, fast))
    else:
        shown = operations.maximum(odds, operations.minimum(slow, fast))
    return cast(_Logits, shown)
