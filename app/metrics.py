"""Figures for Prometheus: taken from the tables, so that every web process gives the same ones."""

from collections.abc import Iterator, Mapping, Sequence

from flask import Blueprint, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from app.callers import caller
from app.openapi import describe
from app.service import broker, workplace
from jobs.table import counting
from jobs.table.access_keys import Scope
from jobs.table.tables import TaskKind

blueprint = Blueprint("metrics", __name__)


@blueprint.get("/metrics")
@describe("key", tags=("health",))
def metrics() -> Response:
    """How many recognizers, builds, files, tasks and workers there are, in the text format of Prometheus.

    Those of the whole service for the scope ``admin``, else the caller's own.
    """
    registry = CollectorRegistry()
    registry.register(_Figures())
    return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


class _Figures(Collector):
    def collect(self) -> Iterator[GaugeMetricFamily]:
        tenant = None if caller().may(Scope.ADMIN) else caller().tenant
        counts, workers = counting.count(workplace().database, tenant), broker().workers() or {}
        yield GaugeMetricFamily("facial_recognizers", "Recognizers that are not erased", counts.recognizers)
        yield _gauges("facial_builds", "Builds by state", ("state",), counts.builds)
        yield _gauges("facial_files", "Files by state", ("state",), counts.files)
        yield _gauges("facial_tasks", "Tasks by kind and state", ("kind", "state"), counts.tasks)
        known: dict[tuple[str, ...], int] = {(kind,): workers.get(kind, 0) for kind in TaskKind}
        yield _gauges("facial_workers", "Workers that the dispatcher knows, by kind", ("kind",), known)


def _gauges(
    name: str, documentation: str, labels: Sequence[str], values: Mapping[tuple[str, ...], int]
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, documentation, labels=labels)
    for key, value in values.items():
        family.add_metric(key, value)
    return family
