"""A client that openapi-python-client makes of the interface's description, without a warning."""

import importlib
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from types import ModuleType
from typing import Any

from test.service.running import Service

#: The operations that are asked here, by where they stand in the client.
OPERATIONS = {
    "curl": ("is_alive", "is_available"),
    "recognizers": (
        "create_recognizer",
        "delete_recognizer",
        "list_images",
        "list_recognizers",
        "recognize_photos",
        "show_recognizer",
    ),
    "photos": ("encode", "verify"),
}


class Generated:
    """The client of a service, with its operations as attributes."""

    def __init__(self, service: Service) -> None:
        made = importlib.import_module("made_client")
        self.models, self.types = (importlib.import_module(f"made_client.{name}") for name in ("models", "types"))
        self._client = made.Client(f"http://127.0.0.1:{service.port}", timeout=60.0, raise_on_unexpected_status=True)
        self._operations = {
            name: importlib.import_module(f"made_client.api.{tag}.{name}")
            for tag, names in OPERATIONS.items()
            for name in names
        }

    def ask(self, operation: str, *args: str, **kwargs: Any) -> Any:
        """The parsed answer of an operation."""
        return self._operation(operation).sync(*args, client=self._client, **kwargs)

    def status(self, operation: str, *args: str, **kwargs: Any) -> int:
        """The status that an operation is answered with."""
        return int(self._operation(operation).sync_detailed(*args, client=self._client, **kwargs).status_code)

    def file(self, path: Path, name: str = "photo.jpg") -> Any:
        """A picture as a part of a form."""
        return self.types.File(BytesIO(path.read_bytes()), file_name=name, mime_type="image/jpeg")

    def _operation(self, name: str) -> ModuleType:
        return self._operations[name]


@contextmanager
def generated_client(service: Service, folder: Path) -> Iterator[Generated]:
    """Make the client in a folder, and import it; any warning on the way fails."""
    programs = Path(sys.executable).parent
    command = [programs / "openapi-python-client", "generate", "--fail-on-warning", "--meta", "none"]
    command += ["--url", f"http://127.0.0.1:{service.port}/docs/openapi.json", "--output-path", folder / "made_client"]
    # It has ruff tidy what it writes, and warns where it finds none.
    environment = os.environ | {"PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0 and "arning" not in ran.stdout + ran.stderr, ran.stdout + ran.stderr
    sys.path.insert(0, str(folder))
    try:
        yield Generated(service)
    finally:
        sys.path.remove(str(folder))
