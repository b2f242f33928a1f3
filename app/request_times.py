"""How long requests take, by route, method and class of status: one histogram for all web processes.

It is kept in memory that uWSGI gives them together: each process adds to rows of its own, which the process that takes
its place goes on with, and whoever is asked adds up all rows. Nothing is written to a disk that may be full.
"""

import math
import mmap
import threading
import time
from array import array
from bisect import bisect_left
from collections.abc import Iterator, MutableSequence
from itertools import accumulate, product
from typing import NamedTuple

from flask import Flask, Response, g, request

from app.request_ids import NO_ROUTE, route
from constants.exceptions import InvalidSettings

try:
    import uwsgi  # it is there within uWSGI alone
except ImportError:
    uwsgi = None

#: Upper bounds of the histogram's buckets, in seconds: a look at a build takes milliseconds, an upload minutes.
BOUNDS_S = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, math.inf)
#: Numbers of a series: one for each bucket, and the sum of its seconds.
_NUMBERS = len(BOUNDS_S) + 1
_CLASSES = ("2xx", "3xx", "4xx", "5xx")
#: The method of requests that no route is for: clients may invent any.
_ANY = "any"


class Series(NamedTuple):
    """The requests of a route, a method and a class of status."""

    route: str
    method: str
    status: str


class RequestTimes:
    """The histogram as one process sees it."""

    def __init__(self, routes: set[tuple[str, str]]) -> None:
        # Sorted: every process must lay them out alike.
        self._places = {Series(*key): place for place, key in enumerate(_series(routes))}
        self._size = len(self._places) * _NUMBERS
        self._all, own = _memory(self._size)
        self._own = own * self._size
        self._lock = threading.Lock()

    def add(self, series: Series, seconds: float) -> None:
        """Count a request."""
        first = self._own + self._places[series] * _NUMBERS
        with self._lock:
            self._all[first + bisect_left(BOUNDS_S, seconds)] += 1
            self._all[first + _NUMBERS - 1] += seconds

    def __iter__(self) -> Iterator[tuple[Series, list[float], float]]:
        """Each series of which there was a request: how many took each of ``BOUNDS_S`` or less, and their seconds."""
        for series, place in self._places.items():
            rows = [
                self._all[process + place * _NUMBERS : process + (place + 1) * _NUMBERS]
                for process in range(0, len(self._all), self._size)
            ]
            *numbers, seconds = (sum(column) for column in zip(*rows, strict=True))
            if any(numbers):
                yield series, list(accumulate(numbers)), seconds


def register(app: Flask) -> None:
    """Count the requests of an application whose routes are all registered."""
    routes = {(rule.rule, method) for rule in app.url_map.iter_rules() for method in rule.methods or ()}
    times = app.extensions["request_times"] = RequestTimes(routes)

    def add(response: Response) -> Response:
        method = request.method if request.url_rule else _ANY
        times.add(Series(route(), method, f"{response.status_code // 100}xx"), time.monotonic() - g.begun)
        return response

    app.after_request(add)


def _series(routes: set[tuple[str, str]]) -> list[tuple[str, str, str]]:
    known = sorted(routes | {(NO_ROUTE, _ANY)})
    return [(path, method, status) for (path, method), status in product(known, _CLASSES)]


def _memory(size: int) -> tuple[MutableSequence[float], int]:
    """Numbers for every process, ``size`` for each, and which process this is; without uWSGI it is the only one."""
    if uwsgi is None:
        return array("d", bytes(8 * size)), 0
    shared, needed = uwsgi.sharedarea_memoryview(0).cast("d"), size * uwsgi.numproc
    if len(shared) < needed:
        pages = math.ceil(needed * shared.itemsize / mmap.PAGESIZE)
        raise InvalidSettings(f"The web processes need more memory in common: set sharedarea in app.ini to {pages}.")
    return shared[:needed], uwsgi.worker_id() - 1
