"""Who did what to which recognizer: a line of JSON for each, appended to a file in the data folder.

A file, because it only grows: it may be renamed to ``audit-….jsonl``, and a new one is begun. It holds names of keys,
ids, numbers and times; no label, no file name and nothing of a face.
"""

import json
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

_FILE = "audit.jsonl"
#: The file that is written and those that were put aside, which sort before it.
_FILES = "audit*.jsonl"

#: Who works at the machine itself, and what the service does by itself.
OPERATOR, SERVICE = "command line", "service"


@dataclass(frozen=True)
class Entry:
    """What was done: by ``who``, the name of a key or what stands for none, of which tenant, and how it ended.

    ``status`` is that of the answer over HTTP, ``numbers`` are of what was done, and ``request`` is the request's id,
    by which log lines are found. ``key`` is the name of the key that was made or revoked.
    """

    who: str
    action: str
    tenant: str | None = None
    recognizer: str | None = None
    status: int | None = None
    numbers: Mapping[str, int] = field(default_factory=dict)
    request: str | None = None
    key: str | None = None


def append(data_dir: Path, entry: Entry, *, synced: bool = True) -> None:
    """Write down an entry; one that is ``synced`` survives a power cut."""
    known = {name: value for name, value in asdict(entry).items() if value not in (None, {})}
    line = json.dumps({"at": datetime.now(UTC).isoformat(timespec="milliseconds")} | known) + "\n"
    # Opened each time, so that the file may be put aside; one write, so that processes do not mix their lines.
    descriptor = os.open(data_dir / _FILE, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(descriptor, line.encode())
        if synced:
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def entries(data_dir: Path, since: datetime | None = None, recognizer: str | None = None) -> Iterator[dict[str, Any]]:
    """What was written down, the oldest first: since a moment, of a recognizer. Says where a line is damaged."""
    for path in sorted(data_dir.glob(_FILES)):
        with path.open(encoding="utf-8", errors="replace") as file:
            for number, line in enumerate(file, 1):
                try:
                    entry = json.loads(line)
                    at = datetime.fromisoformat(entry["at"])
                except (ValueError, KeyError, TypeError):
                    print(f"{path}:{number} is damaged.", file=sys.stderr)
                    continue
                if (since is None or at >= since) and recognizer in (None, entry.get("recognizer")):
                    yield entry
