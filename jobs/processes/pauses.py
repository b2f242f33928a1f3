"""Pauses after faults of the machine: nothing of that kind is handed out until one is over."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass

#: Seconds of the first pause and of the longest; each is twice the one before. A machine that is well again is noticed
#: within the longest.
_FIRST_S, _LONGEST_S = 0.25, 3.0
#: Each pause is longer or shorter by up to this share, so that many processes do not come back at once.
_JITTER = 0.25


@dataclass
class _Pause:
    number: int = 0
    until: float = 0.0


class Pauses:
    """How long each kind of work rests. What was handed out before a pause may fail in it without adding to it."""

    def __init__(self, seed: int | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._random = random.Random(seed)
        self._clock = clock
        self._pauses: dict[str, _Pause] = {}

    def begin(self, kind: str) -> None:
        """Rest after a fault."""
        pause = self._pauses.setdefault(kind, _Pause())
        if self._clock() >= pause.until:
            seconds = min(_FIRST_S * 2.0 ** min(pause.number, 10), _LONGEST_S)
            pause.number += 1
            pause.until = self._clock() + seconds * self._random.uniform(1 - _JITTER, 1 + _JITTER)

    def end(self, kind: str) -> None:
        """Forget earlier faults: the work goes well again."""
        self._pauses.pop(kind, None)

    def is_over(self, kind: str) -> bool:
        """Whether work may be handed out."""
        pause = self._pauses.get(kind)
        return pause is None or self._clock() >= pause.until
