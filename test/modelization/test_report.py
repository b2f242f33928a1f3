"""The report in a bundle, against the bundle's own manifest."""

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from constants.exceptions import NotFound
from constants.languages import LANGUAGES
from constants.reasons import Reason
from modelization.bundle.bundle_file import open_bundle
from modelization.bundle.download_formats import REPORTS, open_format, report_form
from modelization.report.model_card import write_model_card
from modelization.report.words import ENGLISH, rights, rule_in_words
from test.modelization.conftest import Built
from test.modelization.made_up_reports import report, scores


@pytest.fixture(scope="module")
def told(built: Built) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(open_bundle(built.path).files["report.json"])
    return content


def test_it_says_what_the_manifest_says(built: Built, told: dict[str, Any]) -> None:
    manifest, metrics = built.manifest, built.manifest.metrics
    assert told["version"]["name"] == manifest.name and told["version"]["seed"] == manifest.seed
    assert told["pictures"]["people"] == 10 and told["pictures"]["faces"] == sum(manifest.faces_per_person)
    assert told["threshold"]["confidence"] == manifest.threshold
    assert "1 in 100 faces of strangers" in told["threshold"]["meaning"]
    (used,) = (rule for rule in told["rules"] if rule["used"])
    assert used["rule"] == manifest.rule
    assert used["closed_set"]["share"] == pytest.approx(metrics.closed_set_accuracy)
    assert used["known_named_right"]["share"] == pytest.approx(metrics.known_named_right)
    assert used["known_named_right"]["total"] == metrics.held_out_faces
    assert used["strangers_named"]["share"] == pytest.approx(metrics.strangers_named)
    assert {rule["rule"] for rule in told["rules"]} == set(manifest.rules)


def test_its_parts_add_up(built: Built, told: dict[str, Any]) -> None:
    people = told["answers"]["people"]
    assert sum(person["held_out"] for person in people) == built.manifest.metrics.held_out_faces
    right = sum(person["recall"]["count"] for person in people if person["recall"])
    (used,) = (rule for rule in told["rules"] if rule["used"])
    assert right == used["known_named_right"]["count"]
    assert {person["person"]: person["faces"] for person in people} == dict(
        zip(built.manifest.labels, built.manifest.faces_per_person, strict=True)
    )
    assert [person["person"] for person in people if person["recall"] is None] == ["person 009"]
    assert told["answers"]["matrix"]["people"] == [person["person"] for person in people]


def test_held_out_losses_fall(told: dict[str, Any]) -> None:
    losses = told["training"]["held_out_losses"]
    assert len(losses) > 1 and told["training"]["epochs"] > 1
    assert all(min(fold) < 0.5 * fold[0] for fold in losses)


def test_it_holds_no_encoding_and_no_picture(built: Built, told: dict[str, Any]) -> None:
    def longest(value: Any) -> int:
        if isinstance(value, list) and all(isinstance(number, float) for number in value):
            return len(value)
        values = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        return max(map(longest, values), default=0)

    del told["training"]  # losses are the only row of numbers
    assert longest(told) == 0
    assert b"data:image/png" not in open_bundle(built.path).files["report.html"]


def test_rejected_images_are_counted_by_reason_the_most_first() -> None:
    rejected = report(scores([2, 2])).pictures.rejected
    assert [(images.reason, images.files) for images in rejected] == [(Reason.NO_FACE, 2), (Reason.DUPLICATE, 1)]
    assert rejected[0].message == Reason.NO_FACE.message


def test_the_choice_of_the_rule_is_told(built: Built) -> None:
    by_rule = rights(built.manifest.rules)
    assert "No plainer rule" in rule_in_words(ENGLISH, "network", by_rule)
    assert "did better here" in rule_in_words(ENGLISH, "cosine", by_rule)
    assert "no face could be held out" in report(scores([1, 1])).why_this_rule


def test_the_model_card_leads_to_it(built: Built) -> None:
    card = write_model_card(built.manifest)
    assert "`report.html`" in card and "1 in 100 faces of strangers" in card
    assert rule_in_words(ENGLISH, built.manifest.rule, rights(built.manifest.rules)) in card
    assert "`report.de.html` (Deutsch)" in card


def test_a_dump_that_is_gone_or_older_is_told_from_one_with_a_report(built: Built, tmp_path: Path) -> None:
    files = open_bundle(built.path).files
    for form in REPORTS.values():
        pieces, size = open_format(built.path, form)
        assert b"".join(pieces) == files[form.member] and size == len(files[form.member])
    for language in LANGUAGES:
        pieces, _ = open_format(built.path, report_form("html", language))
        assert f'<html lang="{language}">'.encode() in b"".join(pieces)
    with pytest.raises(NotFound, match="deleted"):
        open_format(tmp_path / "gone.zip", REPORTS["html"])
    with zipfile.ZipFile(tmp_path / "older.zip", "w") as older:
        older.writestr("manifest.json", "{}")
    with pytest.raises(NotFound, match="build it again"):
        open_format(tmp_path / "older.zip", REPORTS["html"])
    with zipfile.ZipFile(tmp_path / "english.zip", "w") as english:
        english.writestr("report.html", "in English")
    pieces, size = open_format(tmp_path / "english.zip", report_form("html", "de"))
    assert (b"".join(pieces), size) == (b"in English", 10)
