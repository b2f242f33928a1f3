"""Messages between processes: a kind, a small JSON header, and raw buffers; never a pickle."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Message:
    """What travels in one ZeroMQ multipart message, after the address that ROUTER sockets add."""

    kind: str
    header: dict[str, Any] = field(default_factory=dict)
    buffers: tuple[bytes, ...] = ()

    def frames(self) -> list[bytes]:
        """The message as frames: kind, header, then each buffer."""
        header = json.dumps(self.header, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        return [self.kind.encode(), header.encode(), *self.buffers]

    @classmethod
    def from_frames(cls, frames: Sequence[bytes]) -> "Message":
        """The message of such frames. Raises ``ValueError`` for any other frames."""
        if len(frames) < 2:
            raise ValueError(f"a message has at least two frames, got {len(frames)}")
        header = json.loads(frames[1])
        if not isinstance(header, dict):
            raise ValueError("a message's header is a JSON object")
        return cls(frames[0].decode(), header, tuple(frames[2:]))


# What workers say to the dispatcher, and hear from it.
READY = "ready"
WORK = "work"
RECOGNIZE = "recognize"
RECOGNIZED = "recognized"

# What is done with the photos of a RECOGNIZE besides naming people.
VERIFY = "verify"
ENCODE = "encode"
FEATURES = "features"

# What the supervisor says to the dispatcher.
WATCHED = "watched"

# What clients say to the dispatcher, and hear from it besides RECOGNIZED.
WAKE = "wake"
CANCEL = "cancel"
PING = "ping"
PONG = "pong"
BUSY = "busy"
