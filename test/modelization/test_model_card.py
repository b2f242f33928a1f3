import re

from hypothesis import given
from hypothesis import strategies as st

from modelization.report.model_card import escape, write_model_card
from test.modelization.conftest import Built


@given(st.text(max_size=40))
def test_escaped_text_is_one_line_that_markdown_shows_literally(text: str) -> None:
    escaped = escape(text)
    assert "\n" not in escaped
    # Every character with a meaning stands behind a backslash, and nothing else changed.
    assert not re.search(r"(?<!\\)[`*_\[\]<>#|~!&]", re.sub(r"\\\\", "", escaped))
    assert re.sub(r"\\(.)", r"\1", escaped) == " ".join(text.split())


def test_hostile_labels_stay_labels(built: Built) -> None:
    labels = ("a|b\n# c", "<script>alert(1)</script>", *built.manifest.labels[2:])
    card = write_model_card(built.manifest.model_copy(update={"labels": labels}))
    assert "a\\|b \\# c" in card and "<script>" not in card


def test_card_gives_figures_with_their_counts(built: Built) -> None:
    card = write_model_card(built.manifest)
    assert "of 66 held-out faces" in card and "of 67 faces" in card and "| person 009 | 1 |" in card
    assert built.manifest.threshold == 0.5 and "confidence is at least 0.5," in card
