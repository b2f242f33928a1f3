"""Erasing that is killed at each of its steps, in processes of their own: run by test_erasures.py.

``python -m test.jobs.killed_erasing FOLDER RECOGNIZER [LABEL]`` kills, in a copy of a data folder, the deletion of a
recognizer, or the forgetting of a person, before its first step, in another copy before its second, and so on, until it
comes to its end. A step is a statement or commit to the database, or whatever Python does with a file or a lock. Each
copy is left as it was killed, and stands in a line of JSON.
"""

import json
import os
import shutil
import signal
import sys
from pathlib import Path
from typing import Any

from sqlalchemy import event

from constants.settings import Settings
from features.database import Database
from jobs.files.storage import Storage
from jobs.versions import erasing, forgetting
from jobs.workplace import Workplace

#: What Python says beforehand of what it does to files and locks.
_STEPS = ("open", "os.", "shutil.", "fcntl.", "sqlite3.")


class Killer:
    """Ends this process, as kill -9 does, before a step."""

    def __init__(self, before: int) -> None:
        self._left = before

    def step(self, *_: Any, **__: Any) -> None:
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def audit(self, name: str, _: object) -> None:
        if name.startswith(_STEPS):
            self.step()


def erase(data_dir: Path, recognizer: str, label: str | None, before: int) -> None:
    settings = Settings(data_dir=data_dir)
    workplace = Workplace(settings, Database(settings.database), Storage(data_dir))
    killer = Killer(before)
    for happens in ("before_cursor_execute", "commit"):
        event.listen(workplace.database.engine, happens, killer.step)
    sys.addaudithook(killer.audit)
    if label is None:
        erasing.erase(workplace.database, workplace.storage, recognizer)
    else:
        forgetting.forget(workplace.database, workplace.storage, recognizer, label)
    os._exit(0)


def main() -> None:
    template, recognizer, label = Path(sys.argv[1]), sys.argv[2], (sys.argv[3:] or [None])[0]
    before, killed = 0, True
    while killed:
        before += 1
        copy = template.with_name(f"killed-{before}")
        shutil.copytree(template, copy, symlinks=True)
        child = os.fork()
        if child == 0:
            erase(copy, recognizer, label, before)
        _, status = os.waitpid(child, 0)
        killed = os.WIFSIGNALED(status)
        print(json.dumps({"folder": str(copy), "killed": killed, "failed": not killed and status != 0}), flush=True)


if __name__ == "__main__":
    main()
