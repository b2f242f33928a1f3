"""The page of a report, as a browser and as a curious reader would take it apart."""

import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from playwright.sync_api import sync_playwright

from constants.languages import LANGUAGES
from modelization.findings import DoubtfulLabel, Findings
from modelization.report.next_steps import next_steps
from modelization.report.page import write_page
from modelization.report.words import ENGLISH, gain_in_words, strangers_in_words, words_in
from modelization.search.network_gain import NetworkGain
from modelization.search.search_options import SearchOptions
from modelization.search.topology_choice import JudgedTopology
from modelization.search.topology_search import SearchResult
from modelization.topology import DEFAULT_TOPOLOGY, Layer, Topology
from test.modelization.made_up_reports import report, scores

pytestmark = pytest.mark.thorough

ROOT = Path(__file__).parents[2]
#: Elements that have no end.
VOID = {"meta", "img"}
HOSTILE = ("<script>alert(1)</script>", "\u202eevil", "محمد", "😀 $x^2$", "x" * 200, "a&amp;b \"'")

labels = st.lists(
    st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=30),
    min_size=2,
    max_size=4,
    unique=True,
)


class Page(HTMLParser):
    """A page in parts: its elements with their attributes, and the text of those that hold people's own words."""

    def __init__(self, content: bytes) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self._open: list[str] = []
        self.feed(content.decode())
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag == "bdi":
            self.words.append("")
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "bdi" in self._open:
            self.words[-1] += data

    def count(self, tag: str) -> int:
        return sum(element == tag for element, _ in self.elements)


@pytest.fixture(scope="module")
def in_full() -> dict[str, bytes]:
    """Everything that a report can show, under hostile names, by language."""
    findings = Findings(
        (
            DoubtfulLabel("</td><img src=x>.jpg", HOSTILE[0], None, 0.98),
            DoubtfulLabel("b.jpg", "محمد", HOSTILE[4], 0.6),
        ),
        (("one.jpg", "two<br>.jpg"),),
        ((HOSTILE[1], HOSTILE[2]),),
    )
    told = report(scores([4, 3, 5, 2, 1, 6], gap=2.0), HOSTILE, "Tom & <Jerry>", findings, search())
    return {language: write_page(told, language) for language in LANGUAGES}


@pytest.fixture(scope="module")
def full(in_full: dict[str, bytes]) -> bytes:
    """The same in English."""
    return in_full["en"]


def search() -> dict[str, object]:
    small = JudgedTopology(Topology((Layer(8, "tanh", 0.2),)), 0.021, 0.004, 0.02, 2000, True)
    default = JudgedTopology(DEFAULT_TOPOLOGY, 0.03, 0.004, 0.02, 2800, True)
    wide = JudgedTopology(Topology((Layer(64),)), 0.02, 0.004, 0.02, 9000, True)
    ancestor = {"number": 3, "generation": 1, "parents": [0, 1], "topology": small.topology.to_json(), "error": 0.021}
    result = SearchResult(
        chosen=small,
        default=default,
        wide=wide,
        front=(default, small),
        best_error=(0.03, 0.021),
        mean_error=(0.05, 0.03),
        lineage=(ancestor,),
        people=6,
        faces=21,
        target_fpir=0.01,
        gain=NetworkGain(0.05, 0.03, 0.01, 0.06),
        evaluated=40,
        stopped_by="generations",
        seconds=9.0,
        options=SearchOptions(),
    )
    return result.to_json()


def test_a_search_says_what_the_network_gains(full: bytes) -> None:
    page = full.decode()
    assert "lets 1 in 100 strangers through" in page
    assert "alone misses 5 % of these faces, and with the chosen network 2 % are missed" in page


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (0.01, 0.06, "from 1 to 6 points. It was measured with other faces held out together"),
        (-0.002, 0.01, "from \N{MINUS SIGN}0.2 to 1 points. Chance explains that"),
        (
            -0.02,
            -0.01,
            "from \N{MINUS SIGN}2 to \N{MINUS SIGN}1 points. No network is needed: the rule alone does better",
        ),
    ],
)
def test_a_gain_that_chance_explains_is_called_so(low: float, high: float, verdict: str) -> None:
    assert verdict in gain_in_words(ENGLISH, {"alone": 0.05, "gained": (low + high) / 2, "low": low, "high": high})


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_is_fetched_and_nothing_runs(in_full: dict[str, bytes], language: str) -> None:
    full = in_full[language]
    page = Page(full)
    for tag, attributes in page.elements:
        assert tag not in {"script", "link", "iframe", "object", "embed", "base", "form", "a"}
        assert not any(name.startswith("on") or name in {"href", "srcset", "style"} for name in attributes)
        assert (attributes.get("src") or "data:image/svg+xml;base64,").startswith("data:image/svg+xml;base64,")
    assert b"url(" not in full and b"@import" not in full


@pytest.mark.parametrize("language", LANGUAGES)
def test_whoever_cannot_see_it_can_read_it(in_full: dict[str, bytes], language: str) -> None:
    page = Page(in_full[language])
    assert ("html", {"lang": language}) in page.elements
    assert all(len(attributes["alt"] or "") > 40 for tag, attributes in page.elements if tag == "img")
    assert page.count("img") == 5
    assert page.count("table") == page.count("caption") == 7
    assert all(attributes.get("scope") in ("col", "row") for tag, attributes in page.elements if tag == "th")


@pytest.mark.parametrize("language", LANGUAGES)
def test_hostile_names_are_shown_as_they_are(in_full: dict[str, bytes], language: str) -> None:
    words = Counter(Page(in_full[language]).words)
    assert set(HOSTILE) <= set(words) and words["Tom & <Jerry>"] == 1
    assert words["</td><img src=x>.jpg"] == words["two<br>.jpg"] == 1


@given(labels)
def test_any_label_is_shown_as_it_is(labels: list[str]) -> None:
    page = Page(write_page(report(scores([1] * len(labels)), labels), "en"))
    assert Counter(label.replace("\r", "\n") for label in labels) <= Counter(page.words)


def test_what_was_not_done_is_not_shown() -> None:
    page = write_page(report(scores([1, 1])), "en").decode()
    assert "Nobody has two faces" in page and "<img" not in page
    assert "The search for a topology" not in page and "No label looks wrong" in page


def test_it_begins_with_what_it_is_and_what_to_do(full: bytes) -> None:
    page = full.decode()
    first = page.index("It knows your six people; two pictures look wrong; of 100 strangers about one would be named.")
    steps = [
        page.index(step) for step in ("the two pictures below", "are one person", "one picture more of", "three files")
    ]
    assert [first, *steps] == sorted([first, *steps]) and steps[-1] < page.index("<details>") < page.index("DIR")
    assert page.index("wall.jpg") < page.index("<details>") and "&lt;i&gt;.jpg" in page


def test_it_names_files_of_which_the_first_picture_alone_was_looked_at(full: bytes) -> None:
    told = report(scores([2, 2]))
    moving = replace(told, pictures=replace(told.pictures, first_of_several=("<moving>.gif",)))
    page = write_page(moving, "en").decode()
    assert page.index("Only the first picture") < page.index("&lt;moving&gt;.gif") < page.index("<details>")
    assert "Only the first picture" not in full.decode()


def test_where_nothing_is_wrong_nothing_is_to_be_done() -> None:
    calm = report(scores([5, 5], gap=9.0))
    pictures = replace(calm.pictures, images_rejected=0, rejected=())
    assert next_steps(replace(calm, pictures=pictures), ENGLISH) == [
        "Nothing needs doing. Try it on photos that it has not seen."
    ]


@pytest.mark.parametrize(
    ("share", "words"),
    [
        (0.01, "of 100 strangers about one"),
        (0.05, "of 100 strangers about five"),
        (0.001, "of 1,000 strangers about one"),
    ],
)
def test_strangers_are_counted_in_words(share: float, words: str) -> None:
    assert strangers_in_words(ENGLISH, share) == f"{words} would be named"


@pytest.mark.parametrize(
    ("language", "first", "steps", "cut"),
    [
        (
            "de",
            "Er kennt Ihre sechs Personen; zwei Bilder sehen falsch aus; "
            "von 100 Fremden bekäme etwa einer einen Namen.",
            ("unten die zwei Bilder an", "dieselbe Person sind", "weiteres Bild von", "warum drei Dateien"),
            "1.100 weitere stehen in report.json",
        ),
        (
            "fr",
            "Elle connaît vos six personnes\u202f; deux images semblent fausses\u202f; "
            "sur 100 inconnus, un environ recevrait un nom.",
            ("plus bas les deux images", "une seule personne", "une image de plus, de", "pourquoi trois fichiers"),
            "1\u202f100 de plus sont dans report.json",
        ),
    ],
)
def test_it_is_in_the_readers_language(
    in_full: dict[str, bytes], language: str, first: str, steps: Sequence[str], cut: str
) -> None:
    page = in_full[language].decode()
    places = [page.index(words) for words in (first, *steps)]
    assert places == sorted(places) and places[-1] < page.index("<details>")
    long = report(scores([2, 2]))
    files = tuple(f"{n}.gif" for n in range(1400))
    assert cut in write_page(replace(long, pictures=replace(long.pictures, first_of_several=files)), language).decode()


def test_one_person_is_no_people() -> None:
    alone = report(scores([1], gap=9.0))
    firsts = [words_in(language).spelled("summary.people", 1) for language in LANGUAGES]
    assert firsts == ["your one person", "eine einzige Person", "une seule personne"]
    for language, first in zip(LANGUAGES, firsts, strict=True):
        assert f"{first}" in write_page(alone, language).decode()


def test_a_long_table_is_cut_and_says_so() -> None:
    page = write_page(report(scores([1] * 400)), "en").decode()
    assert "100 more are in report.json" in page


def test_the_same_report_gives_the_same_bytes_in_any_process(tmp_path: Path) -> None:
    program = (
        "import hashlib; from test.modelization.made_up_reports import report, scores\n"
        "from modelization.report.page import write_pages\n"
        "pages = write_pages(report(scores([3, 4, 2]), 'abc'))\n"
        "print(*(hashlib.sha256(page).hexdigest() for page in pages.values()))"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", program],
            cwd=ROOT,
            env={"PYTHONHASHSEED": seed, "PATH": "", "HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(found) == 1 and len(set(found.pop().split())) == len(LANGUAGES)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("width", [360, 1200])
def test_it_fits_a_phone_and_a_desk(in_full: dict[str, bytes], tmp_path: Path, width: int, language: str) -> None:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("there is no browser: make test installs Chromium, where it may use apt-get")
    (tmp_path / "report.html").write_bytes(in_full[language])
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": width, "height": 800})
        page.set_default_timeout(120_000)
        complaints: list[str] = []
        page.on("console", lambda message: complaints.append(message.text))
        page.goto((tmp_path / "report.html").as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        drawn = page.evaluate("[...document.images].map(image => image.naturalWidth > 0 && image.width <= innerWidth)")
        assert drawn == [True] * 5 and complaints == []
        browser.close()
