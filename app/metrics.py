"""Figures for Prometheus: from the tables and from common memory, so that every web process gives the same ones."""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeVar

from flask import Blueprint, Response, current_app
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Metric, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from app.callers import caller
from app.openapi import describe
from app.request_times import BOUNDS_S, RequestTimes
from app.service import broker, workplace
from jobs.table import counting
from jobs.table.access_keys import Scope
from jobs.table.counting import Counts, Durations
from jobs.table.tables import TaskKind
from jobs.table.work_counts import DURATIONS_S, Work
from jobs.workplace import Workplace

blueprint = Blueprint("metrics", __name__)

_Family = TypeVar("_Family", GaugeMetricFamily, CounterMetricFamily)


@blueprint.get("/metrics")
@describe("key", tags=("health",))
def metrics() -> Response:
    """How much there is, how much waits, how work ends and how long it takes, in the text format of Prometheus.

    That of the whole service for the scope ``admin``, else how much there is of the caller's own.
    """
    registry = CollectorRegistry()
    registry.register(_Figures())
    return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


class _Figures(Collector):
    def collect(self) -> Iterator[Metric]:
        here, is_admin = workplace(), caller().may(Scope.ADMIN)
        counts = counting.count(here.database, None if is_admin else caller().tenant)
        yield GaugeMetricFamily("facial_recognizers", "Recognizers that are not erased", counts.recognizers)
        yield _gauges("facial_builds", "Builds by state", ("state",), counts.builds)
        yield _gauges("facial_files", "Files by state", ("state",), counts.files)
        yield _gauges("facial_tasks", "Tasks by kind and state", ("kind", "state"), counts.tasks)
        if is_admin:
            yield from self._of_the_whole_service(here, counts)

    def _of_the_whole_service(self, here: Workplace, counts: Counts) -> Iterator[Metric]:
        workers = broker().workers() or {}
        yield _gauges("facial_oldest_task_seconds", "Age of the oldest waiting task", ("kind",), counts.oldest_s)
        known: dict[tuple[str, ...], int] = {(kind,): workers.get(kind, 0) for kind in TaskKind}
        yield _gauges("facial_workers", "Workers that the dispatcher knows, by kind", ("kind",), known)
        free = shutil.disk_usage(here.settings.data_dir).free
        yield GaugeMetricFamily("facial_disk_free_bytes", "Room on the disk of the data folder", free)
        broken_off = CounterMetricFamily("facial_broken_off", _BROKEN_OFF, labels=("kind", "ending"))
        yield _filled(broken_off, counts.broken_off)
        yield _filled(CounterMetricFamily("facial_given_up", "Tasks given up", labels=("kind",)), counts.given_up)
        yield _work(counts.durations)
        yield _requests(current_app.extensions["request_times"])


_BROKEN_OFF = "Tasks whose work was broken off, by how: failed is an attempt, troubled the machine's fault"


def _gauges(
    name: str, documentation: str, labels: Sequence[str], values: Mapping[tuple[str, ...], float]
) -> GaugeMetricFamily:
    return _filled(GaugeMetricFamily(name, documentation, labels=labels), values)


def _filled(family: _Family, values: Mapping[tuple[str, ...], float]) -> _Family:
    for key, value in values.items():
        family.add_metric(key, value)
    return family


def _work(durations: Mapping[Work, Durations]) -> HistogramMetricFamily:
    family = HistogramMetricFamily("facial_work_seconds", "Time of finished work", labels=("work",))
    for work, found in durations.items():
        family.add_metric((work,), _buckets(DURATIONS_S, found.within), found.seconds)
    return family


def _requests(times: RequestTimes) -> HistogramMetricFamily:
    """Of requests that are answered bit by bit, until the answer begins."""
    labels = ("route", "method", "status")
    family = HistogramMetricFamily("facial_request_seconds", "Time until requests are answered", labels=labels)
    for series, within, seconds in times:
        family.add_metric(series, _buckets(BOUNDS_S, within), seconds)
    return family


def _buckets(bounds: Sequence[float], within: Sequence[float]) -> list[tuple[str, float]]:
    named = map(floatToGoString, bounds)  # as the library itself writes them
    return list(zip(named, within, strict=True))
