"""A web page of somebody else, open in a real browser on the machine that the service runs on: it gets nothing."""

import base64
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from playwright.sync_api import Browser, Page

from test.chromium import chromium
from test.service.running import Service, running

pytestmark = pytest.mark.thorough

#: A name that leads to this machine, as its owner made it.
EVIL = "evil.example"
#: Everything that a script can ask, and what it sees of the answers.
SCRIPT = """
async ({base, id, picture}) => {
  const form = () => {
    const made = new FormData();
    const bytes = Uint8Array.from(atob(picture), (letter) => letter.charCodeAt(0));
    for (const person of ["Ada", "Ben"])
      for (const name of ["1.jpg", "2.jpg"])
        made.append("images", new File([bytes], `${person}/${name}`, {type: "image/jpeg"}));
    return made;
  };
  const photo = new FormData();
  photo.append("image", new File([Uint8Array.from(atob(picture), (letter) => letter.charCodeAt(0))], "a.jpg"));
  const seen = {};
  const ask = async (name, path, options = {}) => {
    try {
      const answer = await fetch(base + path, options);
      seen[name] = {status: answer.status, text: (await answer.text()).slice(0, 2000)};
    } catch (error) {
      seen[name] = {status: 0, text: ""};
    }
  };
  const element = (name, tag, attributes) => new Promise((done) => {
    const made = Object.assign(document.createElement(tag), attributes);
    made.onload = () => { seen[name] = {status: 200, text: "loaded"}; done(); };
    made.onerror = () => { seen[name] = {status: 0, text: ""}; done(); };
    document.body.append(made);
  });
  const events = (name, path) => new Promise((done) => {
    const source = new EventSource(base + path);
    const end = (status, text) => { source.close(); seen[name] = {status, text}; done(); };
    source.addEventListener("ended", (event) => end(200, event.data));
    source.onerror = () => end(0, "");
  });
  for (const mode of ["cors", "no-cors"]) {
    await ask(`list ${mode}`, "/v1/recognizers", {mode});
    await ask(`newest ${mode}`, "/is_available", {mode});
    await ask(`metrics ${mode}`, "/metrics", {mode});
    await ask(`download ${mode}`, `/download_recognizer?id=${id}`, {mode});
    await ask(`report ${mode}`, `/report?id=${id}`, {mode});
    await ask(`build ${mode}`, "/build_recognizer", {mode, method: "POST", body: form()});
    await ask(`grow ${mode}`, `/v1/recognizers/${id}/people`, {mode, method: "POST", body: form()});
    await ask(`recognize ${mode}`, `/recognize?id=${id}`, {mode, method: "POST", body: photo});
  }
  await ask("rename", `/v1/recognizers/${id}/people/Barack`, {
    method: "PATCH", headers: {"Content-Type": "application/json"}, body: '{"label": "Eve"}'});
  await element("script", "script", {src: `${base}/v1/recognizers`});
  await element("style", "link", {rel: "stylesheet", href: `${base}/v1/recognizers`});
  await events("events", `/v1/recognizers/${id}/events`);
  await ask("delete", `/v1/recognizers/${id}`, {method: "DELETE"});
  return seen;
}
"""
#: A page that sends a form by itself, as any can.
FORM = """<form id=form method=post enctype=multipart/form-data><input id=file type=file name=images multiple></form>"""


class Built(NamedTuple):
    """A service with a recognizer, and the origin whose pages may use it."""

    service: Service
    recognizer: str
    friend: str


class Site(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(FORM.encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def sites() -> Iterator[tuple[int, int]]:
    """The ports of two servers of a page: that of a friend, and that of somebody else."""
    servers = [ThreadingHTTPServer(("127.0.0.1", 0), Site) for _ in range(2)]
    threads = [threading.Thread(target=server.serve_forever) for server in servers]
    for thread in threads:
        thread.start()
    yield servers[0].server_port, servers[1].server_port
    for server, thread in zip(servers, threads, strict=True):
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, gallery: Path, sites: tuple[int, int]) -> Iterator[Built]:
    folder = tmp_path_factory.mktemp("service")
    friend = f"http://localhost:{sites[0]}"
    settings = {"FACIAL_ENCODE_WORKERS": "1", "FACIAL_CORS_ORIGINS": friend}
    pictures = [file for person in sorted(gallery.iterdir()) for file in sorted(person.iterdir())[:3]]
    sent = [(f"{picture.parent.name}/{picture.name}", picture.read_bytes()) for picture in pictures]
    with running(folder / "data", folder / "log", **settings) as service:
        recognizer = service.post("/build_recognizer", "images", sent)[1]["id"]
        assert service.wait_until_built(recognizer)["state"] == "ready"
        yield Built(service, recognizer, friend)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium(f"--host-resolver-rules=MAP {EVIL} 127.0.0.1") as browser:
        yield browser


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    page = browser.new_page()
    yield page
    page.close()


@pytest.fixture(scope="module")
def picture(gallery: Path) -> str:
    return base64.b64encode(next(gallery.rglob("*.jpg")).read_bytes()).decode()


def nothing_happened(built: Built) -> None:
    """One recognizer is there, as it was."""
    (only,) = built.service.get("/v1/recognizers")[1]["recognizers"]
    assert (only["id"], only["state"], len(only["versions"])) == (built.recognizer, "ready", 1)


def nothing_seen(built: Built, seen: dict[str, dict[str, Any]]) -> None:
    assert len(seen) == 21
    for name, answer in seen.items():
        assert answer["status"] in (0, 403), (name, answer)
        assert built.recognizer not in answer["text"], name


def test_a_page_of_a_named_origin_is_served(page: Page, built: Built) -> None:
    """So that what others do not get is denied, and not just missed by the script."""
    page.goto(built.friend)
    base = f"http://localhost:{built.service.port}"
    listed = page.evaluate("base => fetch(`${base}/v1/recognizers`).then((answer) => answer.json())", base)
    assert [recognizer["id"] for recognizer in listed["recognizers"]] == [built.recognizer]
    changed = page.evaluate(
        "url => fetch(url, {method: 'PATCH', body: 'x'}).then((answer) => answer.status)",
        f"{base}/v1/recognizers/{built.recognizer}/people/Nobody",
    )
    assert changed == 400


def test_a_page_of_another_port_gets_nothing(page: Page, built: Built, sites: tuple[int, int], picture: str) -> None:
    page.goto(f"http://localhost:{sites[1]}")
    base = f"http://localhost:{built.service.port}"
    nothing_seen(built, page.evaluate(SCRIPT, {"base": base, "id": built.recognizer, "picture": picture}))
    nothing_happened(built)


def test_a_page_of_another_host_gets_nothing(page: Page, built: Built, sites: tuple[int, int], picture: str) -> None:
    page.goto(f"http://{EVIL}:{sites[1]}")
    base = f"http://127.0.0.1:{built.service.port}"
    nothing_seen(built, page.evaluate(SCRIPT, {"base": base, "id": built.recognizer, "picture": picture}))
    nothing_happened(built)


def test_a_name_that_was_led_here_gets_nothing(browser: Browser, built: Built, picture: str) -> None:
    """DNS rebinding: to the browser, page and service are of one origin. What stands there is the attacker's script."""
    own = f"http://{EVIL}:{built.service.port}"
    page = browser.new_page(bypass_csp=True)
    assert page.goto(f"{own}/is_alive").status == 403
    seen = page.evaluate(SCRIPT, {"base": own, "id": built.recognizer, "picture": picture})
    nothing_seen(built, seen)
    assert seen["list cors"]["status"] == seen["build cors"]["status"] == seen["delete"]["status"] == 403
    nothing_happened(built)


@pytest.mark.parametrize("host", ["localhost", EVIL])
def test_a_form_that_a_page_sends_builds_nothing(
    page: Page, built: Built, sites: tuple[int, int], gallery: Path, host: str
) -> None:
    page.goto(f"http://{host}:{sites[1]}")
    page.set_input_files("#file", [next(person.glob("*.jpg")) for person in sorted(gallery.iterdir())])
    target = f"http://localhost:{built.service.port}/build_recognizer"
    with page.expect_navigation() as navigation:
        page.evaluate("target => { form.action = target; form.submit(); }", target)
    assert navigation.value.status == 403
    nothing_happened(built)


@pytest.mark.parametrize("path", ["/report?id={id}", "/download_recognizer?id={id}", "/v1/recognizers"])
def test_nothing_is_shown_in_a_frame(page: Page, built: Built, sites: tuple[int, int], path: str) -> None:
    page.goto(f"http://localhost:{sites[1]}")
    url = f"http://localhost:{built.service.port}{path.format(id=built.recognizer)}"
    with page.expect_response(url) as response:
        page.evaluate("url => document.body.append(Object.assign(document.createElement('iframe'), {src: url}))", url)
    assert response.value.status == 403


def test_a_link_may_lead_here(page: Page, built: Built, sites: tuple[int, int]) -> None:
    page.goto(f"http://localhost:{sites[1]}")
    url = f"http://localhost:{built.service.port}/report?id={built.recognizer}"
    with page.expect_navigation() as navigation:
        page.evaluate("url => { location.href = url; }", url)
    assert navigation.value.status == 200
