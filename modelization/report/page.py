"""The report as an HTML page in each language: no script, and nothing that is fetched from elsewhere."""

from base64 import b64encode
from functools import partial
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from modelization.bundle.bundle_file import REPORT_PAGES
from modelization.report.content import BuildReport
from modelization.report.next_steps import next_steps
from modelization.report.plots import plot_confusions, plot_curve, plot_front, plot_generations, plot_training
from modelization.report.words import (
    ReportWords,
    gain_in_words,
    rule_in_words,
    search_in_words,
    summary_in_words,
    threshold_in_words,
    words_in,
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


def write_pages(report: BuildReport) -> dict[str, bytes]:
    """The content of each file of ``REPORT_PAGES``; the same report gives the same bytes."""
    return {name: write_page(report, language) for language, name in REPORT_PAGES.items()}


def write_page(report: BuildReport, language: str) -> bytes:
    """The report in a language, by its code in ``LANGUAGES``."""
    words = words_in(language)
    return (
        _TEMPLATES.get_template("page.html")
        .render(
            report=report,
            plots={name: _embedded(svg) for name, svg in _plots(report, words).items()},
            max_rows=_MAX_ROWS,
            max_names=_MAX_NAMES,
            language=language,
            say=words.say,
            number=words.number,
            percent=words.percent,
            one_in=words.one_in,
            moment=words.moment,
            layers=words.layers,
            rule_name=words.rule,
            search_in_words=partial(search_in_words, words),
            gain_in_words=partial(gain_in_words, words),
            threshold=threshold_in_words(words, report.threshold.confidence, report.threshold.target_fpir),
            why=_why_this_rule(report, words),
            summary=summary_in_words(
                words, report.pictures.people, len(report.findings.doubtful_labels), report.threshold.target_fpir
            ),
            steps=next_steps(report, words),
            libraries=", ".join(f"{library} {number}" for library, number in sorted(report.version.libraries.items())),
        )
        .encode()
    )


def _why_this_rule(report: BuildReport, words: ReportWords) -> str:
    rights = {rule.rule: rule.known_named_right.share if rule.known_named_right else None for rule in report.rules}
    return rule_in_words(words, report.result.rule, rights)


def _plots(report: BuildReport, words: ReportWords) -> dict[str, bytes]:
    plots = {}
    if report.curve:
        plots["curve"] = plot_curve(report.curve, report.result, report.threshold.target_fpir, words)
        if report.training.epochs is not None:
            plots["training"] = plot_training(report.training, report.training.epochs, words)
        if report.answers.matrix:
            plots["confusions"] = plot_confusions(report.answers.matrix, words)
    if report.search:
        plots |= {"front": plot_front(report.search, words), "generations": plot_generations(report.search, words)}
    return plots


def _embedded(svg: bytes) -> str:
    """An image as an address; as an image it can neither run anything nor share ids with another."""
    return f"data:image/svg+xml;base64,{b64encode(svg).decode()}"
