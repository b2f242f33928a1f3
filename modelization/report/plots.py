"""The report's plots, as SVG files; no name is in them, which would need a glyph or an escape."""

import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from math import floor
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter

from modelization.report.answers import ConfusionMatrix
from modelization.report.content import RuleResult, Training
from modelization.report.open_set_curve import CurvePoint
from modelization.report.words import ReportWords

#: Inches; a little less than a phone's page is wide, so that text there is a little larger than it says.
_WIDTH, _HEIGHT = 3.9, 2.8
#: Colours that colour-blind people can tell apart (Okabe and Ito 2008).
_BLUE, _ORANGE, _GREY = "#0072b2", "#d55e00", "#777777"
_MARKERS = "osD^v"
#: People up to whom a confusion matrix has its counts written in.
_MOST_WITH_COUNTS = 12
_STYLE: dict[Any, Any] = {
    "font.size": 9,
    "axes.grid": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": "#dddddd",
    "legend.frameon": False,
    # Else ids in the file are random, and the same build would not give the same bytes.
    "svg.hashsalt": "report",
}


def plot_curve(curve: Sequence[CurvePoint], result: RuleResult, target_fpir: float, words: ReportWords) -> bytes:
    """Known people named rightly against strangers named, with the threshold in use marked."""
    assert result.known_named_right
    assert result.strangers_named
    # A logarithmic axis has no place for none: it stands at half a stranger.
    none = 0.5 / result.strangers_named.total
    with _figure() as (axes, save):
        strangers = [max(point.strangers_named, none) for point in curve]
        axes.step(strangers, [point.known_named_right for point in curve], where="post", color=_BLUE)
        at = max(result.strangers_named.share, none), result.known_named_right.share
        axes.plot(*at, "o", color=_ORANGE, label=words.say("curve.in_use"), zorder=3, clip_on=False)
        axes.axvline(target_fpir, color=_GREY, linestyle="--", linewidth=1, label=words.say("curve.asked"))
        axes.set(xscale="log", xlim=(min(none, target_fpir) / 1.5, 1), ylim=(_floor(curve, at[1]), 1.005))
        axes.set(xlabel=words.say("curve.x"), ylabel=words.say("curve.y"))
        axes.xaxis.set_major_formatter(_percentage(words))
        axes.yaxis.set_major_formatter(_percentage(words))
        axes.legend(loc="lower right")
        return save()


def plot_confusions(matrix: ConfusionMatrix, words: ReportWords) -> bytes:
    """The share of each person's held-out faces (rows) by what they were answered with (columns)."""
    counts = np.array(matrix.faces)
    people = len(counts)
    with _figure(_WIDTH) as (axes, save):
        shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
        axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, interpolation="none", aspect="auto")
        axes.axvline(people - 0.5, color=_GREY, linewidth=1)
        ticks = range(0, people, 1 if people <= _MOST_WITH_COUNTS else 5)
        numbers = [str(person + 1) for person in ticks]
        axes.set_yticks(ticks, numbers)
        axes.set_xticks([*ticks, people], [*numbers, "?"])
        axes.grid(False)
        axes.set(xlabel=words.say("confusions.x"), ylabel=words.say("confusions.y"))
        if people <= _MOST_WITH_COUNTS:
            for row, column in np.argwhere(counts):
                dark = shares[row, column] > 0.5
                axes.text(column, row, counts[row, column], ha="center", va="center", color="w" if dark else "k")
        return save()


def plot_training(training: Training, epochs: int, words: ReportWords) -> bytes:
    """Held-out loss by epoch, for each fold, and where the final head stopped, after so many ``epochs``."""
    with _figure() as (axes, save):
        for fold, losses in enumerate(training.held_out_losses):
            axes.plot(losses, color=_BLUE, linewidth=1, alpha=0.8, label="" if fold else words.say("training.fold"))
        axes.axvline(epochs, color=_ORANGE, linestyle="--", linewidth=1, label=words.say("training.final"))
        axes.set(xlabel=words.say("training.x"), ylabel=words.say("training.y"), ylim=(0, None), xlim=(0, None))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.yaxis.set_major_formatter(_number(words))
        axes.legend(loc="upper right")
        return save()


def plot_front(search: dict[str, Any], words: ReportWords) -> bytes:
    """Held-out error against parameters of the best topologies, by their layers, and the ones chosen and usual."""
    with _figure() as (axes, save):
        for layers in sorted({topology["layers"] for topology in search["front"]}):
            front = [topology for topology in search["front"] if topology["layers"] == layers]
            name = words.say("front.layers", layers)
            axes.plot(*_error_by_parameters(front), _MARKERS[layers % len(_MARKERS)], color=_BLUE, label=name)
        axes.plot(*_error_by_parameters([search["default"]]), "x", color=_GREY, label=words.say("front.default"))
        axes.plot(
            *_error_by_parameters([search["chosen"]]),
            "o",
            markersize=13,
            markerfacecolor="none",
            color=_ORANGE,
            label=words.say("topology.chosen"),
        )
        axes.set(xscale="log", xlabel=words.say("parameters"), ylabel=words.say("held_out_error"))
        # Few enough, within a decade or over three, not to run into each other.
        low, high = axes.get_xlim()
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)) if high > 10 * low else MaxNLocator(4))
        axes.xaxis.set_major_formatter(_number(words))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.yaxis.set_major_formatter(_percentage(words))
        axes.legend(loc="best")
        return save()


def plot_generations(search: dict[str, Any], words: ReportWords) -> bytes:
    """The best and the mean held-out error of each generation."""
    with _figure() as (axes, save):
        for name, color in (("best", _ORANGE), ("mean", _BLUE)):
            errors = search[f"{name}_error"]
            axes.plot(range(1, len(errors) + 1), errors, ".-", color=color, label=words.say(f"generations.{name}"))
        axes.set(xlabel=words.say("generation"), ylabel=words.say("held_out_error"), yscale="log")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.yaxis.set_major_formatter(_percentage(words))
        axes.yaxis.set_minor_formatter(_percentage(words))
        axes.legend(loc="upper right")
        return save()


@contextmanager
def _figure(height: float = _HEIGHT) -> Iterator[tuple[Axes, Callable[[], bytes]]]:
    """Axes to draw on, and what then gives the file; the looks do not depend on anybody's settings."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_STYLE)
        figure = Figure((_WIDTH, height), layout="constrained")

        def save() -> bytes:
            file = io.BytesIO()
            figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
            return file.getvalue()

        yield figure.add_subplot(), save


def _number(words: ReportWords) -> Callable[[float, float], str]:
    return lambda value, _: words.number(round(value) if value >= 1000 else value)


def _percentage(words: ReportWords) -> Callable[[float, float], str]:
    return lambda share, _: words.as_percentage(100 * share)


def _floor(curve: Sequence[CurvePoint], at: float) -> float:
    """Where the axis of known people begins: a tenth below what matters of the curve."""
    least = min(at, *(point.known_named_right for point in curve))
    return max(0.0, floor(10 * least - 0.5) / 10)


def _error_by_parameters(topologies: Sequence[dict[str, Any]]) -> tuple[list[int], list[float]]:
    return [topology["parameters"] for topology in topologies], [topology["error"] for topology in topologies]
