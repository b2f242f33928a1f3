"""The whole service as a client on this machine has it: started, asked, stopped."""

import http.client
import json
import os
import random
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

#: Seconds that the service has to start, to build, and to stop.
PATIENCE_S = 180.0
#: Seconds between two looks.
_LOOK_S = 0.1
#: Below what Linux hands out, as macOS and IANA do; above the well-known ones.
_PORTS = range(20_000, 32_000)
_ROOT = Path(__file__).parents[1]
_BOUNDARY = "a-line-that-is-in-no-picture"
_NAMED = "Content-Disposition: form-data; name="

#: A form's body, and the header that says of what kind it is.
Form = tuple[bytes, dict[str, str]]


class RunningService:
    """A service that listens on a port of the loopback address."""

    def __init__(self, port: int, patience_s: float = PATIENCE_S) -> None:
        self.port = port
        self._patience_s = patience_s

    def send(self, method: str, path: str, form: Form = (b"", {})) -> tuple[int, bytes]:
        """Status and content; 0 where nobody answers, or an answer breaks off."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=self._patience_s)
        try:
            connection.request(method, path, *form)
            answer = connection.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException):
            return 0, b""
        finally:
            connection.close()

    def build(self, pictures: Sequence[tuple[str, bytes]]) -> str:
        """The id of a recognizer, once it is built."""
        status, content = self.send("POST", "/build_recognizer", form("images", pictures))
        recognizer = json.loads(content).get("id")
        if status != 202 or not recognizer:
            sys.exit(f"The build was refused: {content.decode()}")
        wait_until(lambda: self._state(recognizer) in ("ready", "failed"), "the build")
        if self._state(recognizer) == "failed":
            sys.exit("The build failed.")
        return str(recognizer)

    def is_ready(self) -> bool:
        """Whether the web side, the dispatcher and a worker of each kind answer."""
        return self.send("GET", "/v1/readyz")[0] == 200

    def _state(self, recognizer: str) -> Any:
        return json.loads(self.send("GET", f"/is_available?id={recognizer}")[1])["state"]


@contextmanager
def running_service(folder: Path) -> Iterator[RunningService]:
    """The service with its data and its log in a folder, stopped afterwards."""
    port = free_port()
    with (folder / "log").open("wb") as log:
        process = start_service(folder / "data", port, log)
        try:
            service = RunningService(port)
            wait_until(service.is_ready, "the service to start")
            yield service
        finally:
            process.terminate()
            process.wait(PATIENCE_S)


def free_port() -> int:
    """A port of the loopback address on which nobody listens.

    None of those that systems hand out: while a service is being started again, one of these may become another
    program's, and a client that asks in vain may be connected to itself, and keep the port from the service.
    """
    while True:
        port = random.SystemRandom().choice(_PORTS)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def start_service(data_dir: Path, port: int, log: IO[bytes], **environment: str) -> subprocess.Popen[bytes]:
    """The master of ``uwsgi --ini app.ini`` with a data folder and a port, whatever the settings around it say."""
    usual = {name: value for name, value in os.environ.items() if not name.startswith("FACIAL_")}
    beside = Path(sys.executable).parent
    own = {
        "FACIAL_DATA_DIR": str(data_dir),
        "FACIAL_PORT": str(port),
        "PATH": f"{beside}{os.pathsep}{usual.get('PATH', '')}",
    }
    command = (beside / "uwsgi", "--ini", "app.ini")
    # In a session of its own: what is sent to the group of whoever starts it is not for each of its processes.
    return subprocess.Popen(
        command, cwd=_ROOT, env=usual | environment | own, stdout=log, stderr=log, start_new_session=True
    )


def form(part: str, files: Sequence[tuple[str, bytes]], **fields: str) -> Form:
    """Fields, and files by name as the parts of a form that are all called the same."""
    named = "".join(f'--{_BOUNDARY}\r\n{_NAMED}"{name}"\r\n\r\n{value}\r\n' for name, value in fields.items())
    head = f'--{_BOUNDARY}\r\n{_NAMED}"{part}"; filename="%s"\r\n\r\n'
    body = b"".join((head % name).encode() + content + b"\r\n" for name, content in files)
    end = f"--{_BOUNDARY}--\r\n".encode()
    return named.encode() + body + end, {"Content-Type": f"multipart/form-data; boundary={_BOUNDARY}"}


def wait_until(condition: Callable[[], bool], what: str) -> None:
    """Return once a condition holds; end the run where it takes too long."""
    until = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > until:
            sys.exit(f"Waited in vain for {what}.")
        time.sleep(_LOOK_S)
