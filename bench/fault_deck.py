"""The faults that are to happen, drawn from a seed."""

import random
import signal
from collections.abc import Iterator
from dataclasses import dataclass

#: Mean seconds between two faults.
_PAUSE_S = 0.15
#: Share of the signals that ask a process to end; the others end it.
_ASKED = 0.25

#: How often each fault is in the deck that is dealt from.
DECK = {
    "kill web": 18,
    "kill encode": 10,
    "kill train": 1,
    "kill dispatcher": 7,
    "kill supervisor": 1,
    "kill master": 1,
    "power cut": 1,
    "stop": 4,
    "hang": 1,
    "lock": 1,
    "full disk": 1,
    "clock": 2,
    "lull to encode": 2,
    "lull to train": 1,
}


@dataclass(frozen=True)
class Card:
    """A fault as it was drawn: which of the processes it hits, its signal, how long it lasts, the pause after it."""

    fault: str
    which: float
    number: signal.Signals
    share: float
    pause_s: float


def drawn(seed: int, deck: dict[str, int]) -> Iterator[Card]:
    """Faults without end, the same for the same seed."""
    rng = random.Random(seed)
    while True:
        faults = [fault for fault, count in deck.items() for _ in range(count)]
        rng.shuffle(faults)
        for fault in faults:
            number = signal.SIGTERM if rng.random() < _ASKED else signal.SIGKILL
            yield Card(fault, rng.random(), number, rng.random(), rng.expovariate(1 / _PAUSE_S))
