"""The processes of a running service: what each is for, and which there are, found by their parents."""

import threading
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum

import psutil  # type: ignore[import-untyped]


class Kind(StrEnum):
    """What a process of the service is for."""

    MASTER = "master"
    WEB = "web"
    SUPERVISOR = "supervisor"
    DISPATCHER = "dispatcher"
    ENCODE = "encode"
    TRAIN = "train"
    #: One that the others start for a while.
    OTHER = "other"


#: What stands in the commands of the kinds. The master has the web processes' command.
_COMMANDS = {
    " run.py workers": Kind.SUPERVISOR,
    "run.py dispatcher": Kind.DISPATCHER,
    "run.py worker encode": Kind.ENCODE,
    "run.py worker train": Kind.TRAIN,
    "uwsgi --ini": Kind.WEB,
}


@dataclass(frozen=True)
class Member:
    """A process of the service; ``slot`` is a worker's name among the workers, such as ``encode-0``."""

    process: psutil.Process
    kind: Kind
    slot: str = ""

    @property
    def name(self) -> str:
        return f"{self.slot or self.kind} ({self.process.pid})"


class Roster:
    """Every process of a service that was ever seen, so that those whose parents are gone are known, too."""

    def __init__(self) -> None:
        self._masters: set[int] = set()
        self._seen: dict[int, psutil.Process] = {}
        self._lock = threading.Lock()

    def add(self, master: int) -> None:
        """Begin to know a uWSGI master, and with it all that descend from it."""
        with self._lock, suppress(psutil.NoSuchProcess):
            self._masters.add(master)
            self._seen[master] = psutil.Process(master)

    def members(self, *kinds: Kind) -> list[Member]:
        """The processes of some kinds, or of all, that live now."""
        with self._lock:
            self._look()
            seen = list(self._seen.values())
        found = [member for process in seen if (member := self._member(process)) is not None]
        return [member for member in found if not kinds or member.kind in kinds]

    def _look(self) -> None:
        self._seen = {pid: process for pid, process in self._seen.items() if process.is_running()}
        for process in list(self._seen.values()):
            with suppress(psutil.NoSuchProcess):
                if process.ppid() not in self._seen:  # of the others their parents know
                    self._seen.update({child.pid: child for child in process.children(recursive=True)})

    def _member(self, process: psutil.Process) -> Member | None:
        """What a process is for; ``None`` for one that has ended."""
        try:
            if process.status() == psutil.STATUS_ZOMBIE:
                return None
            words = process.cmdline()
        except psutil.NoSuchProcess:
            return None
        if not words:  # it is ending
            return None
        command = " ".join(words)
        kind = next((kind for part, kind in _COMMANDS.items() if part in command), Kind.OTHER)
        if process.pid in self._masters:
            kind = Kind.MASTER
        return Member(process, kind, words[4] if kind in (Kind.ENCODE, Kind.TRAIN) else "")
