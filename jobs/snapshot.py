"""What was accepted, as it stands at one moment: the database and its files, while the service goes on.

A picture lies in its place before its build is committed, and goes only after what came of it is committed; a bundle
likewise. So every file that the rows need is there, and stays, while nobody else can commit. That is kept short: most
files are linked before it.
"""

import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sqlalchemy import Connection, select

from constants.exceptions import Conflict
from constants.settings import DATABASE_FILE
from features.database import Database
from jobs.files.linking import link_or_copy
from jobs.files.storage import Storage
from jobs.folder_lock import held
from jobs.table.tables import builds


@contextmanager
def snapshot(database: Database, storage: Storage) -> Iterator[Path]:
    """Within, a folder in the data folder that holds a copy of the database and the files that its rows know.

    Files are hard links, where the file system has them: what is deleted meanwhile stays in the snapshot. Raises
    ``Conflict`` while another one is taken of the same data folder.
    """
    with held(_lock(storage.data_dir), Conflict("Another backup of this data folder is being made; wait for its end.")):
        folder = _folder(storage.data_dir)
        shutil.rmtree(folder, ignore_errors=True)  # of a backup that was killed
        try:  # from before it is there: a signal may end the backup between any two lines
            folder.mkdir(mode=0o700)
            _take(database, storage, folder)
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def sweep_snapshot(data_dir: Path) -> None:
    """Delete what a backup that was killed left in the data folder, unless one is being made."""
    folder = _folder(data_dir)
    if folder.exists():
        with suppress(Conflict), held(_lock(data_dir), Conflict()):
            shutil.rmtree(folder, ignore_errors=True)


def _folder(data_dir: Path) -> Path:
    return Storage(data_dir).snapshot


def _lock(data_dir: Path) -> Path:
    return data_dir / "snapshot.lock"


def _take(database: Database, storage: Storage, folder: Path) -> None:
    with database.read() as connection:
        early = set(_pictures(connection, storage))
    _link(early, storage.data_dir, folder)
    with database.read() as reader:
        with database.write():
            # From its first statement on `reader` sees this state alone, and no other can be committed until all its
            # files are linked.
            pictures = set(_pictures(reader, storage))
            _link(pictures - early, storage.data_dir, folder)
            _link(_bundles(reader, storage), storage.data_dir, folder)
        database.copy(reader, folder / DATABASE_FILE)
    for encoded in early - pictures:
        (folder / encoded).unlink(missing_ok=True)


def _pictures(connection: Connection, storage: Storage) -> Iterator[str]:
    for row in connection.execute(_VERSIONS):
        yield from storage.pictures_of(row.recognizer_id, row.version)


def _bundles(connection: Connection, storage: Storage) -> Iterator[str]:
    for row in connection.execute(_VERSIONS):
        yield from storage.bundles_of(row.recognizer_id, row.version)


_VERSIONS = select(builds.c.recognizer_id, builds.c.version)


def _link(names: Iterable[str], source: Path, folder: Path) -> None:
    """Let files of one folder be in another as well, but those that are gone meanwhile."""
    made: set[str] = set()
    for name in names:
        parent, _, _ = name.rpartition("/")
        if parent not in made:
            (folder / parent).mkdir(mode=0o700, parents=True, exist_ok=True)
            made.add(parent)
        with suppress(FileNotFoundError):
            link_or_copy(f"{source}/{name}", f"{folder}/{name}")
