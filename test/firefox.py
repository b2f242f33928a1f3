"""Firefox for tests, asked in WebDriver BiDi: Playwright drives none but a build of its own."""

import json
import re
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import ClientConnection, connect

from test.permitted_skips import NO_FIREFOX

#: Seconds that anything may take on a busy machine.
_PATIENCE_S = 120
#: A camera that shows a pattern, and that no one is asked about; nothing is looked for in the network.
_PREFERENCES = {
    "media.navigator.streams.fake": "true",
    "media.navigator.permission.disabled": "true",
    "app.normandy.enabled": "false",
    "messaging-system.rsexperimentloader.enabled": "false",
    "datareporting.policy.dataSubmissionEnabled": "false",
}


class Firefox:
    """One tab; ``errors`` are what scripts threw and what was against a page's policy."""

    def __init__(self, connection: ClientConnection) -> None:
        self.errors: list[str] = []
        self._connection = connection
        self._asked = 0
        self._ask("session.new", capabilities={})
        self._ask("session.subscribe", events=["log.entryAdded"])
        self._tab = self._ask("browsingContext.getTree")["contexts"][0]["context"]

    def open(self, address: str) -> None:
        self._ask("browsingContext.navigate", context=self._tab, url=address, wait="complete")

    def evaluate(self, expression: str) -> Any:
        """The value of an expression, or of its promise: a text, a number, or a truth."""
        return self._evaluate(expression).get("value")

    def until(self, expression: str) -> None:
        """Wait until an expression is true, on this page or on the one that it leads to."""
        until = time.monotonic() + _PATIENCE_S
        while not self._is_true(expression):
            assert time.monotonic() < until, (
                f"{expression} is not true: {self.evaluate('document.body.innerText')} {self.errors}"
            )
            time.sleep(0.1)

    def choose(self, selector: str, *files: Path) -> None:
        """Give files to an input of them."""
        chosen = {"sharedId": self._element(selector)["sharedId"]}
        self._ask("input.setFiles", context=self._tab, element=chosen, files=[str(file) for file in files])

    def click(self, selector: str) -> None:
        """Click on an element, wherever on the page it has come to stand by now."""
        self.evaluate(f"document.querySelector({json.dumps(selector)}).click()")

    def close(self) -> None:
        self._ask("browser.close")

    def _element(self, selector: str) -> dict[str, Any]:
        return self._evaluate(f"document.querySelector({json.dumps(selector)})")

    def _is_true(self, expression: str) -> bool:
        try:
            return bool(self.evaluate(expression))
        except _Refused:
            return False  # the page is being left

    def _evaluate(self, expression: str) -> dict[str, Any]:
        answer = self._ask(
            "script.evaluate",
            expression=expression,
            target={"context": self._tab},
            awaitPromise=True,
            userActivation=True,
        )
        if answer["type"] == "exception":
            raise AssertionError(answer["exceptionDetails"]["text"])
        return dict(answer["result"])

    def _ask(self, method: str, **parameters: Any) -> Any:
        self._asked += 1
        self._connection.send(json.dumps({"id": self._asked, "method": method, "params": parameters}))
        while True:
            said = json.loads(self._connection.recv(_PATIENCE_S))
            if said["type"] == "event":
                self._note(said["params"])
            elif said["id"] == self._asked:
                if said["type"] == "error":
                    raise _Refused(said["message"])
                return said["result"]

    def _note(self, entry: dict[str, Any]) -> None:
        if entry["level"] == "error" and (entry["type"] == "javascript" or "Content-Security-Policy" in entry["text"]):
            self.errors.append(entry["text"])


class _Refused(Exception):
    """The browser did not do what it was asked for."""


@contextmanager
def firefox(profile: Path) -> Iterator[Firefox]:
    """Firefox without a window, with a profile of its own in a folder that is made."""
    path = shutil.which("firefox-esr") or shutil.which("firefox")
    if path is None:
        pytest.skip(NO_FIREFOX)
    profile.mkdir()
    lines = [f'user_pref("{name}", {value});\n' for name, value in _PREFERENCES.items()]
    (profile / "user.js").write_text("".join(lines))
    command: Sequence[str] = (
        path,
        "--headless",
        "--no-remote",
        "--profile",
        str(profile),
        "--remote-debugging-port",
        "0",
    )
    with (profile / "said").open("w") as said:
        process = subprocess.Popen(command, stderr=said, stdout=said)
    try:
        with connect(f"{_address(process, profile / 'said')}/session", max_size=None) as connection:
            browser = Firefox(connection)
            yield browser
            browser.close()
        process.wait(_PATIENCE_S)
    finally:
        process.kill()
        process.wait()


def _address(process: subprocess.Popen[bytes], said: Path) -> str:
    """Where it listens, once it says so."""
    until = time.monotonic() + _PATIENCE_S
    while (found := re.search(r"ws://\S+", said.read_text())) is None:
        assert process.poll() is None and time.monotonic() < until, said.read_text()
        time.sleep(0.1)
    return found.group()
