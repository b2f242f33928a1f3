"""The table of tasks, looked at from outside many times a second: who holds what, and when that changes."""

import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

#: Seconds between two looks.
_LOOK_S = 0.02
#: Seconds that a look waits for the database.
_BUSY_S = 1.0


@dataclass(frozen=True)
class Task:
    """A row of the table; worker and token are empty while it waits."""

    id: int
    build: int
    kind: str
    state: str
    worker: str
    token: str
    interruptions: int


#: Whether what is waited for has come, and whether there is nothing to wait for any more.
_Condition = Callable[[dict[int, Task]], bool | None]


@dataclass
class Wait:
    """A change that is waited for, since when, and how many seconds it took; never where it cannot come any more."""

    condition: _Condition
    since: float
    seconds: float | None = None
    over: bool = False


class TaskWatch:
    """Watches in a thread of its own."""

    def __init__(self, database: Path) -> None:
        self._database = database
        self._waits: list[Wait] = []
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._watch, name="task watch", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def tasks(self) -> dict[int, Task]:
        """Every task, by its id. Raises ``sqlite3.Error`` where the database cannot be read at this moment."""
        with closing(self._open()) as connection:
            return _tasks(connection)

    def wait(self, condition: _Condition, since: float) -> Wait:
        """Begin to wait for what holds of all tasks: true once it has come, ``None`` where it never will."""
        wait = Wait(condition, since)
        with self._lock:
            self._waits.append(wait)
        return wait

    def _watch(self) -> None:
        while not self._stopping.wait(_LOOK_S):
            try:
                with closing(self._open()) as connection:
                    while not self._stopping.wait(_LOOK_S):
                        self._look(connection)
            except sqlite3.Error:
                continue  # a start that makes it, a full disk: the next look may succeed

    def _look(self, connection: sqlite3.Connection) -> None:
        with self._lock:
            open_waits = [wait for wait in self._waits if not wait.over]
        if not open_waits:
            return
        tasks, now = _tasks(connection), time.monotonic()
        for wait in open_waits:
            came = wait.condition(tasks)
            wait.over = came is None or came
            if came:
                wait.seconds = now - wait.since

    def _open(self) -> sqlite3.Connection:
        return sqlite3.connect(f"file:{self._database}?mode=ro", uri=True, timeout=_BUSY_S, isolation_level=None)


def _tasks(connection: sqlite3.Connection) -> dict[int, Task]:
    rows = connection.execute(
        "SELECT id, build, kind, state, coalesce(worker, ''), coalesce(token, ''), interruptions FROM tasks"
    )
    return {row[0]: Task(*row) for row in rows}
