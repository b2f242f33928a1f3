"""The report's strings: every one in every language, used, and with the same values."""

import re
from pathlib import Path

from constants.languages import LANGUAGES
from constants.reasons import Reason
from modelization.report.words import ENGLISH, words_in

REPORT = Path(__file__).parents[2] / "modelization" / "report"
#: Of a photo that is to be recognized, and never of a file that was sent to learn from.
OF_PHOTOS = {
    Reason.SMALL_BOUNDING_BOX,
    Reason.LOW_SHARPNESS,
    Reason.LOW_BRIGHTNESS,
    Reason.EXTREME_POSE,
    Reason.EXCEEDS_MAX_FACES,
    Reason.LOW_CONFIDENCE,
}
#: Keys that are put together where they are used.
COMPOSED = r"reason\.|rule\.|topology\.|generations\.(best|mean)$|gain\.|percent$|numbers$|moment$"


def values(text: str) -> set[str]:
    return set(re.findall(r"\{(\w+)\}", text))


def test_every_string_is_there_in_every_language_with_the_same_values() -> None:
    for language in LANGUAGES:
        strings = words_in(language).strings
        for key, english in ENGLISH.strings.items():
            assert values(strings[key]) == values(english), (language, key)
            assert strings[key].count("|") == english.count("|"), (language, key)
            assert strings[key].strip(), (language, key)


def test_every_string_that_is_used_is_there_and_none_is_left_over() -> None:
    sources = "".join(file.read_text("utf-8") for pattern in ("*.py", "page.html") for file in REPORT.glob(pattern))
    used = set(re.findall(r"""\b(?:say|spelled)\(\s*["']([\w.]+)["'](?! ~)""", sources))
    assert used <= ENGLISH.strings.keys() | {"reason.", "topology."}
    assert {key for key in ENGLISH.strings if key not in used and not re.match(COMPOSED, key)} == set()


def test_every_reason_why_a_file_was_not_used_is_said_as_programs_hear_it() -> None:
    for reason in Reason:
        assert (reason in OF_PHOTOS) or ENGLISH.strings[f"reason.{reason}"] == reason.message


def test_numbers_are_written_in_letters_up_to_twelve() -> None:
    for language in LANGUAGES:
        assert len(words_in(language).strings["numbers"].split()) == 11
