"""How far the making of a recognizer is, as plain data."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class SearchProgress:
    """How far a search is: generations done of all, and the best so far: its held-out error and number of layers.

    ``evaluated`` topologies are judged; ``time_left_s`` of the budget. Error and layers are None in the first
    generation.
    """

    generation: int
    generations: int
    best_error: float | None
    layers: int | None
    evaluated: int
    time_left_s: float


@dataclass(frozen=True)
class Progress:
    """So many ``done`` of a ``total``; while a topology is searched, with what the ``search`` has so far."""

    unit: Literal["generations", "epochs"]
    done: int
    total: int
    search: SearchProgress | None = None


#: Called with every step; may raise ``BuildCancelled``, which ends the build.
Report = Callable[[Progress], None]
