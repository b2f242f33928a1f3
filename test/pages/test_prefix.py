"""The pages beneath a path of a proxy's, as a person sees them: every link, script and request finds its way."""

import http.client
import re
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.sync_api import Browser, expect

from facial import Facial
from test.pages.conftest import PATIENCE
from test.portraits import PORTRAITS
from test.service.running import Service

pytestmark = pytest.mark.thorough

PREFIX = "/faces"


@pytest.fixture(scope="module")
def beneath(service: Service) -> Iterator[str]:
    """An address of a proxy that serves the service beneath a path and nothing else."""

    class Proxy(BaseHTTPRequestHandler):
        def do(self) -> None:
            if not self.path.startswith(f"{PREFIX}/"):
                self.send_error(404)
                return
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            said = {"X-Forwarded-Prefix": PREFIX, "X-Forwarded-Host": self.headers["Host"], "X-Forwarded-Proto": "http"}
            upstream = http.client.HTTPConnection("127.0.0.1", service.port)
            upstream.request(self.command, self.path.removeprefix(PREFIX), body, {**self.headers, **said})
            answer = upstream.getresponse()
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                self.send_header(name, value)
            self.end_headers()
            while piece := answer.read1(1 << 16):
                self.wfile.write(piece)
                self.wfile.flush()
            upstream.close()

        do_GET = do_POST = do_DELETE = do  # noqa: N815  as http.server calls them

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}{PREFIX}"
    server.shutdown()
    server.server_close()


def test_a_person_finds_everything_beneath_the_path(browser: Browser, beneath: str, made: Callable[[str], str]) -> None:
    recognizer = made("three")
    context = browser.new_context(locale="en-GB")
    context.set_default_timeout(PATIENCE)
    page, lost = context.new_page(), []
    page.on("response", lambda answer: lost.append(answer.url) if answer.status >= 400 else None)
    page.goto(f"{beneath}/")
    page.get_by_role("link", name="three", exact=True).click()
    page.wait_for_url(f"{beneath}/recognizers/{recognizer}*")
    page.get_by_role("link", name="Try it").click()
    page.set_input_files("#photo", PORTRAITS / "grace_hopper.jpg")
    expect(page.locator("#faces li")).to_have_text(re.compile("^Grace_Hopper"))
    page.get_by_role("link", name="Deutsch").click()
    assert [cookie["path"] for cookie in context.cookies()] == [f"{PREFIX}/"]
    context.close()
    assert not lost


def test_the_client_is_given_the_path_with_the_address(beneath: str, made: Callable[[str], str]) -> None:
    with Facial(beneath) as facial:
        known = facial.recognizer(made("three"))
        assert known.recognize(PORTRAITS / "grace_hopper.jpg").people == ["Grace_Hopper"]
