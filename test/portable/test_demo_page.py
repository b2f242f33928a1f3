"""The page of a bundle in a real browser, with the runtime that the npm registry has."""

import shutil
import threading
import zipfile
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from modelization.bundle.recognizer_page import recognizer_page
from test.chromium import chromium
from test.pages.test_everybody import faults
from test.portable.conftest import Unpacked

pytestmark = pytest.mark.thorough

#: Where ``make`` puts what a page needs, and its files.
RUNTIME = Path(__file__).parents[2] / "modelization" / "bundle" / "portable" / "onnxruntime-web"
FILES = ("ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm")
#: A webcam that shows no face.
OPTIONS = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
#: Milliseconds that a page may take on a busy machine.
PATIENCE = 120_000


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def site(unpacked: Unpacked) -> Iterator[str]:
    """The address of a server of the unpacked bundle."""
    if not all((RUNTIME / name).is_file() for name in FILES):
        pytest.skip("onnxruntime-web could not be installed: make test does, where npm is")
    shutil.copytree(RUNTIME, unpacked.folder / "runtime", dirs_exist_ok=True)
    handler = partial(QuietHandler, directory=str(unpacked.folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium(*OPTIONS) as browser:
        yield browser


@pytest.fixture(scope="module")
def page(browser: Browser) -> Page:
    page = browser.new_page()
    page.set_default_timeout(PATIENCE)
    return page


def wait_for(page: Page, message: str) -> None:
    page.wait_for_function("wanted => document.querySelector('#message').textContent.match(wanted)", arg=message)


def test_the_page_gives_the_services_names(page: Page, site: str, unpacked: Unpacked) -> None:
    page.goto(f"{site}/demo.html?runtime=runtime")
    wait_for(page, "^Ready")
    for photo, answer in zip(unpacked.photos, unpacked.answers, strict=True):
        page.set_input_files("#photo", photo)
        wait_for(page, "face")
        shown = [text.rsplit(" (", 1)[0] for text in page.locator("#faces li").all_text_contents()]
        assert shown == [face["person"] or "unknown" for face in answer["faces"]], photo.name


def test_a_file_that_is_no_photo_is_said_to_be_none(page: Page, site: str, tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").write_text("text")
    page.set_input_files("#photo", tmp_path / "photo.jpg")
    wait_for(page, "cannot be used")


def test_the_webcam_is_watched(page: Page, site: str) -> None:
    page.click("#webcam")
    wait_for(page, "^0 faces")
    page.click("#stop")
    page.wait_for_function("document.querySelector('#stop').hidden && !document.querySelector('#webcam').disabled")


def test_opened_by_a_double_click_it_asks_for_its_folder(
    browser: Browser, site: str, unpacked: Unpacked, tmp_path: Path
) -> None:
    """As it lies in a folder, with no server and no network, on a phone's width and in the dark."""
    folder = tmp_path / "recognizer"
    folder.mkdir()
    for name in ("demo.html", "recognizer.onnx", "labels.json"):
        shutil.copy(unpacked.folder / name, folder)
    for name in FILES:
        shutil.copy(RUNTIME / name, folder)
    context = browser.new_context(offline=True, color_scheme="dark", viewport={"width": 390, "height": 844})
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    page.goto((folder / "demo.html").as_uri())
    wait_for(page, "^Which folder")
    page.set_input_files("#folder", folder)
    wait_for(page, "^Ready")
    page.set_input_files("#photo", unpacked.photos[0])
    wait_for(page, "^1 face")
    (face,) = unpacked.answers[0]["faces"]
    assert page.locator("#faces li").text_content().rsplit(" (", 1)[0] == (face["person"] or "unknown")
    assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")
    assert faults(page) == []
    context.close()


def test_as_a_page_of_its_own_it_has_all_within_it(
    browser: Browser, site: str, unpacked: Unpacked, tmp_path: Path
) -> None:
    """Alone in its folder, without a server or a network, in German."""
    pieces, size = recognizer_page(zipfile.ZipFile(unpacked.folder / "whole.zip"))
    file = tmp_path / "friends.html"
    with file.open("wb") as page_file:
        page_file.writelines(pieces)
    assert file.stat().st_size == size
    context = browser.new_context(offline=True, locale="de-AT")
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(file.as_uri())
    wait_for(page, "^Bereit")
    for photo, answer in list(zip(unpacked.photos, unpacked.answers, strict=True))[-4:-1]:
        page.set_input_files("#photo", photo)
        wait_for(page, "Gesicht")
        shown = [text.rsplit(" (", 1)[0] for text in page.locator("#faces li").all_text_contents()]
        assert shown == [face["person"] or "unbekannt" for face in answer["faces"]], photo.name
    assert faults(page) == []
    context.close()


def test_without_a_runtime_the_page_asks_where_it_is(page: Page, site: str) -> None:
    page.goto(f"{site}/demo.html")
    wait_for(page, "not beside this page")
    page.fill("[name=runtime]", "runtime")
    page.click("#where button")
    wait_for(page, "^Ready")


def test_a_runtime_of_another_site_is_not_loaded(page: Page, site: str) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    elsewhere = site.replace("127.0.0.1", "localhost") + "/runtime"
    page.goto(f"{site}/demo.html?runtime={elsewhere}")
    wait_for(page, "its own site alone")
    assert all(url.startswith(f"{site}/") for url in asked if not url.startswith("data:"))
    # Even a script that does not ask first: the page's policy tells the browser.
    loaded = page.evaluate(f"import('{elsewhere}/ort.wasm.min.mjs').then(() => 'loaded', () => 'refused')")
    assert loaded == "refused"
