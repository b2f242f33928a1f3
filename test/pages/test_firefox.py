"""The way from pictures to a name in Firefox: what a browser of another make does with the pages."""

import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from modelization.bundle.recognizer_page import can_make_pages
from test.firefox import Firefox, firefox
from test.portraits import PORTRAITS
from test.service.running import Service

pytestmark = pytest.mark.thorough

OBAMA = PORTRAITS / "barack_obama.jpg"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Firefox]:
    with firefox(tmp_path_factory.mktemp("firefox") / "profile") as browser:
        yield browser


@pytest.fixture
def fox(browser: Firefox) -> Iterator[Firefox]:
    """It; whatever goes wrong in a page's scripts fails the test."""
    browser.errors.clear()
    yield browser
    assert not browser.errors


def shown(selector: str) -> str:
    """The text of an element, as an expression."""
    return f"(document.querySelector('{selector}')?.innerText ?? '')"


def test_pictures_become_a_recognizer_that_names_a_photo(
    fox: Firefox, address: str, pictures: Path, tmp_path: Path
) -> None:
    with zipfile.ZipFile(tmp_path / "People.zip", "w") as archive:
        for file in sorted(pictures.rglob("*.*")):
            archive.write(file, file.relative_to(pictures.parent))
    fox.open(address)
    fox.choose("#files", tmp_path / "People.zip")
    fox.until(f"{shown('#chosen')}.startsWith('2 people, 9 pictures')")
    fox.click("#send")
    fox.until("document.querySelector('.tabs') !== null && document.querySelectorAll('.person input.name').length == 2")
    assert fox.evaluate("document.querySelector('.person input.name').value") == "Barack Obama"
    fox.click("a[href$='/try']")
    fox.until("document.querySelector('#photo') !== null && document.readyState == 'complete'")
    fox.choose("#photo", OBAMA)
    fox.until(f"/^Barack Obama[^]* sure$/.test({shown('#faces li')})")
    assert fox.evaluate("document.querySelector('#canvas').width") > 300


def test_its_camera_is_watched_and_stopped(fox: Firefox, address: str, made: Callable[[str], str]) -> None:
    fox.open(f"{address}/recognizers/{made('three')}/try")
    fox.click("#webcam")
    fox.until("!document.querySelector('#stop').hidden && document.querySelector('#canvas').width > 300")
    fox.until(f"{shown('#message')} != ''")
    fox.click("#stop")
    fox.until("document.querySelector('#stop').hidden")


def test_a_page_of_its_own_names_people_from_a_file(
    fox: Firefox, service: Service, made: Callable[[str], str], tmp_path: Path
) -> None:
    if not can_make_pages():
        pytest.skip("onnxruntime-web could not be installed: make test does, where npm is")
    status, page = service.get(f"/v1/recognizers/{made('three')}/model?format=page")
    assert status == 200
    (tmp_path / "recognizer.html").write_bytes(page)
    fox.open((tmp_path / "recognizer.html").as_uri())
    fox.until(f"{shown('#message')} == 'Ready.'")
    fox.choose("#photo", OBAMA)
    fox.until(f"{shown('#faces li')}.startsWith('Barack_Obama (')")
