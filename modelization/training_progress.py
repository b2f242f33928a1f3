"""How far the making of a recognizer is, as plain data."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class FrontPoint:
    """The least held-out error with so many hidden layers, where no fewer have one as low."""

    layers: int
    error: float


@dataclass(frozen=True)
class SearchProgress:
    """How far a search is: generations done of all, and the best so far: its held-out error and number of layers.

    ``evaluated`` topologies are judged; ``time_left_s`` of the budget. Error and layers are None in the first
    generation. ``front`` is what there is to choose from, the fewest layers first.
    """

    generation: int
    generations: int
    best_error: float | None
    layers: int | None
    evaluated: int
    time_left_s: float
    front: tuple[FrontPoint, ...] = ()


@dataclass(frozen=True)
class Progress:
    """So many ``done`` of a ``total``; while a topology is searched, with what the ``search`` has so far."""

    unit: Literal["generations", "epochs"]
    done: int
    total: int
    search: SearchProgress | None = None


def preparing(searches: bool) -> Progress:
    """Where a training is before anything of it can be counted: it is not known yet how much there is to do."""
    return Progress("generations" if searches else "epochs", 0, 0)


#: Called with every step, and with the same one again as a sign of life; may raise ``BuildCancelled``, which ends
#: the build.
Report = Callable[[Progress], None]


class Said:
    """A report that can say the last progress again, where what follows takes long and cannot be counted."""

    def __init__(self, report: Report, last: Progress) -> None:
        self._report, self._last = report, last

    def __call__(self, progress: Progress) -> None:
        self._last = progress
        self._report(progress)

    def again(self) -> None:
        """Still at it."""
        self._report(self._last)
