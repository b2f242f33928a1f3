"""A service and a browser for all tests of the pages."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from threading import Thread

import pytest
from playwright.sync_api import Browser, Page, expect
from werkzeug.serving import make_server

from app import create_app
from constants.settings import Settings
from test.chromium import chromium
from test.pages.camera import write_camera
from test.service.running import Service, running

#: Milliseconds that anything may take on a busy machine.
PATIENCE = 120_000
expect.set_options(timeout=PATIENCE)


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("pages")
    with running(folder / "data", folder / "log", FACIAL_ENCODE_WORKERS="1", FACIAL_TRUSTED_PROXIES="1") as service:
        yield service


@pytest.fixture
def serve() -> Iterator[Callable[[Settings], str]]:
    """Serves the pages of a data folder alone, with nothing that works for them, and gives their address."""
    with ExitStack() as ended:

        def start(settings: Settings) -> str:
            application = create_app(settings)
            ended.callback(application.extensions["service"].close)
            server = make_server("127.0.0.1", 0, application, threaded=True)
            thread = Thread(target=server.serve_forever)
            thread.start()
            ended.callback(thread.join)
            ended.callback(server.shutdown)
            return f"http://127.0.0.1:{server.port}"

        yield start


@pytest.fixture(scope="session")
def address(service: Service) -> str:
    return f"http://127.0.0.1:{service.port}"


@pytest.fixture(scope="package")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Chromium, with a camera before which one of the portraits stands; a process runs one at a time."""
    camera = write_camera(tmp_path_factory.mktemp("camera") / "portrait.y4m")
    fake = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
    with chromium(*fake, f"--use-file-for-fake-video-capture={camera}") as browser:
        yield browser


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    """A page of a new visitor; whatever goes wrong in its scripts, or is against its policy, fails the test."""
    context = browser.new_context(locale="en-GB", base_url=address)
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda said: wrong.append(said.text) if "Content Security Policy" in said.text else None)
    yield page
    context.close()
    assert not wrong


@pytest.fixture(scope="session")
def pictures(gallery: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as people have it: two people with four pictures each, and files that are none."""
    folder = tmp_path_factory.mktemp("dropped") / "People"
    for person in sorted(gallery.iterdir())[:2]:
        own = folder / person.name.replace("_", " ")
        own.mkdir(parents=True)
        for picture in sorted(person.iterdir())[:4]:
            (own / picture.name).write_bytes(picture.read_bytes())
    (folder / "Barack Obama" / "broken.jpg").write_text("no picture")
    (folder / "notes.txt").write_text("no picture either")
    return folder


@pytest.fixture(scope="session")
def made(service: Service, gallery: Path) -> Callable[[str], str]:
    """Makes a recognizer of all three people by the interface, once for each name, and gives its id."""
    known: dict[str, str] = {}

    def make(name: str) -> str:
        if name not in known:
            chosen = [picture for person in sorted(gallery.iterdir()) for picture in sorted(person.iterdir())[:4]]
            files = [(f"{picture.parent.name}/{picture.name}", picture.read_bytes()) for picture in chosen]
            known[name] = service.post("/build_recognizer", "images", files, name=name, keep_thumbnails="recognizer")[
                1
            ]["id"]
            assert service.wait_until_built(known[name])["state"] == "ready"
        return known[name]

    return make
