"""The real service as a person starts it, and a client that knows nothing but HTTP."""

import contextlib
import json
import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import psutil
from werkzeug.datastructures import FileStorage, MultiDict
from werkzeug.test import encode_multipart

from bench.running_service import free_port, start_service

ROOT = Path(__file__).parents[2]

#: Seconds after which something that should happen is taken as not happening.
PATIENCE_S = 300
#: Seconds between two questions about what takes long and stays so: each costs the service some 7 ms of a processor.
_LOOK_S = 0.25


class Service:
    """``uwsgi --ini app.ini``, which is what ``make run`` does, on a free port and a data folder of its own."""

    def __init__(self, data_dir: Path, log: Path, **settings: str) -> None:
        self.data_dir = data_dir
        self._log = log
        self.port = free_port()
        self._settings = settings
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = start_service(self.data_dir, self.port, log, **self._settings)
        wait_for(self._ready, "the service to be ready", _LOOK_S)

    def stop(self) -> None:
        """Stop as Ctrl-C or a service manager does."""
        if self._process is not None:
            everyone = self.processes()
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(PATIENCE_S)
            self._process = None
            wait_for(lambda: not any(alive(pid) for pid in everyone), "every process to end")

    def wait(self) -> int:
        """The exit status of a service that ends by itself."""
        assert self._process is not None
        process, self._process = self._process, None
        return process.wait(PATIENCE_S)

    def kill_master(self) -> None:
        """Take uWSGI's master alone away, and wait until nothing of the service is left."""
        assert self._process is not None
        everyone = self.processes()
        self._process.kill()
        self._process.wait()
        self._process = None
        wait_for(lambda: not any(alive(pid) for pid in everyone), "the others to follow")

    def kill(self) -> None:
        """Take all its processes away at once, as a power cut does.

        Ends when the last one has: until then the port and the data folder are not free for the next start.
        """
        if self._process is not None:
            everyone = self.processes()
            for pid in everyone:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self._process.wait()
            self._process = None
            wait_for(lambda: not any(alive(pid) for pid in everyone), "every process to end")

    def processes(self, containing: str = "") -> list[int]:
        """Ids of the service's processes whose command contains something, found by their parents."""
        assert self._process is not None
        found = []
        with contextlib.suppress(psutil.NoSuchProcess):
            master = psutil.Process(self._process.pid)
            for process in (master, *master.children(recursive=True)):
                with contextlib.suppress(psutil.NoSuchProcess):
                    if containing in " ".join(process.cmdline()):
                        found.append(process.pid)
        return found

    def _ready(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, f"uWSGI ended with {self._process.returncode}; see the log"
        return self.get("/v1/readyz")[0] == 200

    def get(self, path: str, **headers: str) -> tuple[int, Any]:
        return self.send(urllib.request.Request(self._url(path), headers=headers))

    def delete(self, path: str) -> tuple[int, Any]:
        return self.send(urllib.request.Request(self._url(path), method="DELETE"))

    def post(
        self, path: str, part: str, files: Iterable[tuple[str, bytes]], key: str = "", **fields: str
    ) -> tuple[int, Any]:
        """Send files, and other fields, in a form; each time with another boundary, and the idempotency ``key``."""
        form: MultiDict[str, Any] = MultiDict(fields)
        for name, content in files:
            form.add(part, FileStorage(BytesIO(content), name))
        boundary, body = encode_multipart(form)
        headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
        if key:
            headers["Idempotency-Key"] = key
        return self.send(urllib.request.Request(self._url(path), body, headers))

    def send(self, request: urllib.request.Request) -> tuple[int, Any]:
        """Status and content; 0 where nobody listens."""
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
                return answer.status, content(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, content(error)
        except OSError:
            return 0, None

    def wait_until_built(self, recognizer: str, version: int | str = "latest") -> dict[str, Any]:
        """The answer of ``/is_available`` once the build has ended."""
        path = f"/is_available?id={recognizer}&version={version}"
        wait_for(lambda: self.get(path)[1]["state"] in ("ready", "failed"), "the build", _LOOK_S)
        return self.get(path)[1]

    def _url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"


def content(answer: Any) -> Any:
    data = answer.read()
    return json.loads(data) if "json" in answer.headers.get("Content-Type", "") else data


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and that nobody has asked for yet does not."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def wait_for(condition: Any, what: str, look_s: float = 0.05) -> None:
    """Return once a condition holds, which is asked for every so many seconds."""
    until = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < until, f"waited in vain for {what}"
        time.sleep(look_s)


@contextlib.contextmanager
def running(data_dir: Path, log: Path, **settings: str) -> Iterator[Service]:
    """The service, started; on an error its log is shown."""
    service = Service(data_dir, log, **settings)
    try:
        service.start()
        yield service
    except BaseException:
        print(log.read_text(errors="replace")[-20_000:])
        raise
    finally:
        service.kill()
