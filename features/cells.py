"""Which vectors may be near which, without comparing each with all: an inverted file (Sivic and Zisserman 2003).

Vectors lie in the cell of the centre that is nearest to them, and one is compared with those in the cells of the few
centres that are nearest to it. What is nearly the same is nearly always found; what is only alike, mostly.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from features.alive import Alive, unheard
from features.angle_evidence import unit

#: Vectors up to which each is compared with all.
MOST_COMPARED = 4096
#: Cells for the square root of the vectors in them.
_CELLS = 3
#: Rows that are compared at once: bounds the memory.
_BLOCK = 1024

_Singles = npt.NDArray[np.float32]
_Integers = npt.NDArray[np.int64]
#: Rows (r,) and others (o,) that were compared, and their products (r, o).
Compared = tuple[_Integers, _Integers, _Singles]


def compared(
    rows: npt.NDArray[np.floating], others: npt.NDArray[np.floating], probes: int, alive: Alive = unheard
) -> Iterator[Compared]:
    """Products of rows (n, 128) and others (m, 128), each pair once at the most: all pairs of few others, else those of
    a row and the others in its ``probes`` nearest cells.
    """
    rows, others = np.asarray(rows, np.float32), np.asarray(others, np.float32)
    if len(others) <= MOST_COMPARED:
        yield from _all_pairs(rows, others, alive)
        return
    # Every so many vectors is a centre: they lie where vectors do, and are the same every time.
    centres = unit(others[:: max(1, round(np.sqrt(len(others)) / _CELLS))]).astype(np.float32)
    own, probed = _nearest(others, centres, 1, alive)[:, 0], _nearest(rows, centres, probes, alive)
    members, seekers = _by_cell(own, len(centres)), _by_cell(probed.ravel(), len(centres))
    for inside, places in zip(members, seekers, strict=True):
        for start in range(0, len(places) if len(inside) else 0, _BLOCK):
            alive()
            some = places[start : start + _BLOCK] // probes
            yield some, inside, rows[some] @ others[inside].T


def nearest(
    rows: npt.NDArray[np.floating], others: npt.NDArray[np.floating], count: int, probes: int, alive: Alive = unheard
) -> _Integers:
    """Of each row the ``count`` others, of more than there may be, with the largest products found, (n, count).

    A place is -1 where fewer were found.
    """
    best = np.full((len(rows), count), -np.inf, np.float32)
    found = np.full((len(rows), count), -1, np.int64)
    for some, inside, products in compared(rows, others, probes, alive):
        both = np.concatenate([best[some], products], axis=1)
        first = np.argpartition(both, -count, axis=1)[:, -count:]
        whose = np.concatenate([found[some], np.broadcast_to(inside, products.shape)], axis=1)
        best[some], found[some] = np.take_along_axis(both, first, axis=1), np.take_along_axis(whose, first, axis=1)
    return found


def _all_pairs(rows: _Singles, others: _Singles, alive: Alive) -> Iterator[Compared]:
    everybody = np.arange(len(others))
    for start in range(0, len(rows), _BLOCK):
        alive()
        some = np.arange(start, min(start + _BLOCK, len(rows)))
        yield some, everybody, rows[some] @ others.T


def _nearest(rows: _Singles, centres: _Singles, count: int, alive: Alive) -> _Integers:
    """The numbers (n, count) of the centres nearest to each row, in no order."""
    found = np.empty((len(rows), count), np.int64)
    for some, _, products in _all_pairs(rows, centres, alive):
        # One is found many times as fast as several are.
        first = products.argmax(axis=1)[:, None] if count == 1 else np.argpartition(products, -count)[:, -count:]
        found[some] = first
    return found


def _by_cell(cells: _Integers, count: int) -> list[_Integers]:
    """Of each cell the places where it stands."""
    return np.split(np.argsort(cells, kind="stable"), np.cumsum(np.bincount(cells, minlength=count))[:-1])
