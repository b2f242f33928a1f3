"""What reaches the log, and in which form: no line that a client chose, and no word of an error that may be a label."""

import json
import re

import pytest

from constants.settings import Settings
from logger import about, logger, start_logging

#: What begins lines, moves terminals, or looks like the beginning of a line.
FORGED = "GET\n2026-01-01T00:00:00.000+00:00 ERROR   web          - forged\r\x1b[2J\x00\x85\u2028\u2029\x1c\ud800"


@pytest.fixture(params=["text", "json"])
def logged(request, capsys, tmp_path):
    """What is written to the log after a call, line by line; as text, or as JSON."""
    start_logging(Settings(data_dir=tmp_path, log_format=request.param), "web")

    def lines(write) -> list[str]:
        write()
        return capsys.readouterr().err.removesuffix("\n").split("\n")

    yield lines
    start_logging(Settings(data_dir=tmp_path), "web")


def test_a_line_says_when_who_and_about_what(logged):
    with about("0123/1"):
        (line,) = logged(lambda: logger.info("encoded: {faces} faces in {seconds:.1f} s", faces=3, seconds=0.25))
    if line.startswith("{"):
        said = json.loads(line)
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d", said.pop("time"))
        assert said == {
            "level": "INFO",
            "process": "web",
            "about": "0123/1",
            "message": "encoded: 3 faces in 0.2 s",
            "faces": 3,
            "seconds": 0.25,
        }
    else:
        assert re.fullmatch(r"\S+ INFO    web          0123/1 encoded: 3 faces in 0\.2 s", line)


def test_a_line_about_a_build_names_the_request_that_it_is_within(logged):
    with about("r1", request="r1"), about("0123/1"):
        (line,) = logged(lambda: logger.info("accepted"))
    if line.startswith("{"):
        assert json.loads(line)["request"] == "r1"
    else:
        assert line.endswith("0123/1 accepted (request r1)")


def test_no_value_can_begin_a_line(logged):
    with about(FORGED):
        (line,) = logged(lambda: logger.info("{method} {route}", method=FORGED, route="/"))
    assert line.isprintable()
    assert FORGED.encode("unicode_escape").decode() in line or json.loads(line)["method"] == FORGED


def test_an_error_is_told_by_its_places_and_not_by_its_words(logged):
    def fail() -> None:
        try:
            try:
                raise OSError(28, "No space left on device", "/data/Ada Secret/1.jpg")
            except OSError as cause:
                secret = "Ada Secret\nforged"
                raise KeyError(secret) from cause
        except KeyError:
            logger.exception("a request failed")

    lines = logged(fail)
    assert all(line.isprintable() for line in lines)
    assert not any("Secret" in line or line.startswith("forged") for line in lines)
    places = json.loads(lines[0])["error"] if len(lines) == 1 else [line.removeprefix("    ") for line in lines[1:]]
    assert places[1] == "OSError: No space left on device"
    assert places[-1] == "KeyError"
    assert all(re.fullmatch(r".*test_lines\.py:\d+ \S+\.fail", places[number]) for number in (0, 2))
