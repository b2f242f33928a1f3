"""The report as one HTML page: no script, and nothing that is fetched from elsewhere."""

from base64 import b64encode
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from modelization.report.content import BuildReport
from modelization.report.next_steps import next_steps
from modelization.report.plots import plot_confusions, plot_curve, plot_front, plot_generations, plot_training
from modelization.report.words import (
    RULE_NAMES,
    gain_in_words,
    one_in,
    percent,
    search_in_words,
    summary_in_words,
)

#: Rows of a table on the page. The JSON has all; a page of more is slow on a phone, and nobody reads it.
_MAX_ROWS = 300
#: Names of files that were not used, for each reason; likewise.
_MAX_NAMES = 50

# What people wrote is escaped wherever the template puts it, and a misspelt name in it is an error.
_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def write_page(report: BuildReport) -> bytes:
    """The content of ``report.html``; the same report gives the same bytes."""
    return (
        _TEMPLATES.get_template("page.html")
        .render(
            report=report,
            plots={name: _embedded(svg) for name, svg in _plots(report).items()},
            max_rows=_MAX_ROWS,
            max_names=_MAX_NAMES,
            rule_names=RULE_NAMES,
            percent=percent,
            one_in=one_in,
            layers=_layers,
            search_in_words=search_in_words,
            gain_in_words=gain_in_words,
            summary=summary_in_words(
                report.pictures.people, len(report.findings.doubtful_labels), report.threshold.target_fpir
            ),
            steps=next_steps(report),
        )
        .encode()
    )


def _plots(report: BuildReport) -> dict[str, bytes]:
    plots = {}
    if report.curve:
        plots["curve"] = plot_curve(report.curve, report.result, report.threshold.target_fpir)
        if report.training.epochs is not None:
            plots["training"] = plot_training(report.training, report.training.epochs)
        if report.answers.matrix:
            plots["confusions"] = plot_confusions(report.answers.matrix)
    if report.search:
        plots |= {"front": plot_front(report.search), "generations": plot_generations(report.search)}
    return plots


def _embedded(svg: bytes) -> str:
    """An image as an address; as an image it can neither run anything nor share ids with another."""
    return f"data:image/svg+xml;base64,{b64encode(svg).decode()}"


def _layers(topology: dict[str, Any]) -> str:
    """The hidden layers of a topology, ``Topology.to_json``, in words."""
    described = [
        f"{layer['units']} {layer['activation']}" + (f", dropout {layer['dropout']:g}" if layer["dropout"] else "")
        for layer in topology["layers"]
    ]
    return " → ".join(described) or "none"
