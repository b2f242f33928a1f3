"""A search on disk: written whole after every generation, and taken up again after a crash."""

import json
import os
from pathlib import Path

from optimization.evolution import Evolution


class EvolutionFile:
    """Keeps a search at ``path``. ``subject`` says what is searched, and how: another subject's file is not read."""

    def __init__(self, path: Path, subject: str) -> None:
        self._path, self._subject = path, subject

    def load(self) -> Evolution | None:
        """The search as it was last saved; None where there is none, or of another subject, or a damaged one."""
        try:
            value = json.loads(self._path.read_bytes())
            return Evolution.from_json(value["evolution"]) if value["subject"] == self._subject else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def save(self, evolution: Evolution) -> None:
        """Replace what was saved. A crash at any point leaves the one or the other."""
        part = self._path.with_name(f".{self._path.name}.part")
        with part.open("w") as file:
            json.dump({"subject": self._subject, "evolution": evolution.to_json()}, file)
            file.flush()
            os.fsync(file.fileno())
        part.replace(self._path)
