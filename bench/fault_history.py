"""What clients were told, what was done to the service meanwhile, and what is wrong with that."""

import json
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import IO

#: A file's reason where it is encoded.
ENCODED = None
#: States of a version, in their order; the last ones are final.
_ORDER = {"queued": 0, "encoding": 1, "training": 2, "ready": 3, "examined": 3, "failed": 3}
_FINAL = {state for state, order in _ORDER.items() if order == 3}


class Wrong(StrEnum):
    """What a finding is about."""

    #: Something accepted did not come to be, or is gone.
    LOST = "lost"
    #: Something was done twice.
    DUPLICATED = "duplicated"
    #: Anything else that must not be.
    BROKEN = "broken"


@dataclass(frozen=True)
class Finding:
    """Something that must not be, and the recognizer that it is about, if it is about one."""

    wrong: Wrong
    sentence: str
    recognizer: str = ""


@dataclass(frozen=True)
class Sent:
    """A file that a client sent, and why it is not encoded, if there is a reason."""

    name: str
    label: str
    reason: str | None = ENCODED


@dataclass
class Version:
    """A version that was accepted, with the files that it is made of, and the last state that a client was told."""

    number: int
    sent: Sequence[Sent]
    state: str = "queued"

    @property
    def labels(self) -> set[str]:
        return {file.label for file in self.sent if file.reason is ENCODED}

    @property
    def is_final(self) -> bool:
        return self.state in _FINAL

    def has(self, label: str) -> bool:
        """Whether a file was sent for a label."""
        return any(file.label == label for file in self.sent)


@dataclass
class Owned:
    """A recognizer as its client knows it; times are those of the history."""

    id: str
    dry_run: bool
    versions: dict[int, Version] = field(default_factory=dict)
    #: Versions that were accepted and erased since, because somebody in them was forgotten.
    erased: set[int] = field(default_factory=set)
    #: When the answer came that a person is forgotten.
    forgotten: dict[str, float] = field(default_factory=dict)
    #: Whether a client sent its deletion, and when the answer came.
    is_going: bool = False
    deleted: float | None = None

    @property
    def newest(self) -> Version:
        return self.versions[max(self.versions)]

    @property
    def ever_known(self) -> set[str]:
        """Everybody who ever was in one of its versions."""
        return set(self.forgotten).union(*(version.labels for version in self.versions.values()))


@dataclass(frozen=True)
class Recognition:
    """When a photo was sent and the answer came, and whom it named."""

    owned: Owned
    asked: float
    status: int
    named: frozenset[str]


class History:
    """Everything that happened, in its order, and what was found to be wrong with it."""

    def __init__(self, file: IO[str]) -> None:
        self.owned: list[Owned] = []
        self.recognitions: list[Recognition] = []
        self.findings: list[Finding] = []
        self._lines: list[tuple[str, str]] = []
        self._file = file
        self._start = time.monotonic()
        self._lock = threading.Lock()

    def now(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._start

    def note(self, who: str, what: str, recognizer: str = "") -> None:
        """Write down what happened just now."""
        now = round(self.now(), 3)
        line = json.dumps({"at": now, "who": who, "what": what, "recognizer": recognizer}, ensure_ascii=False)
        with self._lock:
            self._lines.append((recognizer, line))
            print(line, file=self._file, flush=True)

    def find(self, wrong: Wrong, sentence: str, recognizer: str = "") -> None:
        """Write down what must not be."""
        with self._lock:
            self.findings.append(Finding(wrong, sentence, recognizer))
        self.note("check", f"{wrong.upper()}: {sentence}", recognizer)

    def count(self, wrong: Wrong) -> int:
        return sum(finding.wrong == wrong for finding in self.findings)

    def tell(self, owned: Owned, number: int, state: str) -> None:
        """Take in a state that a client was told of a version: it goes forward only, and a final one stays."""
        version = owned.versions[number]
        if state != version.state and _ORDER[state] <= _ORDER[version.state]:
            self.find(Wrong.BROKEN, f"version {number} was {version.state} and then {state}", owned.id)
        version.state = state

    def lines_of(self, recognizers: Iterable[str]) -> list[str]:
        """What happened to some recognizers."""
        wanted = set(recognizers)
        return [line for recognizer, line in self._lines if recognizer in wanted]
