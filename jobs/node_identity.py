"""Which node this is: an id that is made once and stays in its data folder."""

import os
import uuid
from contextlib import suppress
from pathlib import Path

from modelization.bundle.bundle_file import sync_folder


def node_of(data_dir: Path) -> str:
    """The id of the node whose data folder it is; of many processes that ask first, one makes it."""
    path = data_dir / "node"
    if not path.exists():
        made = data_dir / f".node.{os.getpid()}"
        with made.open("w") as file:
            file.write(uuid.uuid4().hex)
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(made, path)
        made.unlink()
        sync_folder(data_dir)
    return path.read_text().strip()
