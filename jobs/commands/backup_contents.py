"""Whether a backup is whole: a sound database, and every file that its rows need, as they say it is."""

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Connection, select
from sqlalchemy.exc import DatabaseError, OperationalError

from constants.exceptions import BackupInvalid, BundleInvalid
from constants.settings import DATABASE_FILE
from features.database import Database
from jobs.commands.backup_archive import Member
from jobs.files.storage import Storage
from jobs.table.tables import FileState, builds, files
from modelization.bundle.bundle_parts import OWN, open_whole


class Version(NamedTuple):
    """A version of a recognizer."""

    recognizer_id: str
    version: int


@contextmanager
def opened(folder: Path) -> Iterator[Database]:
    """The database in a folder. Raises ``BackupInvalid`` for one that is damaged."""
    database = Database(f"sqlite:///{folder / DATABASE_FILE}")
    try:
        with database.read() as connection:
            if connection.exec_driver_sql("PRAGMA integrity_check").scalar() != "ok":
                raise BackupInvalid("The database is damaged.")
        yield database
    except OperationalError:
        raise  # no room, or no memory
    except DatabaseError as error:
        raise BackupInvalid(f"The database is damaged: {error.orig}.") from error
    finally:
        database.close()


def incomplete(database: Database, folder: Path, present: Mapping[str, Member]) -> Version | None:
    """A version of which a picture that waits, or a published bundle, is not among the files; None where all are.

    ``present`` are the files in the ``folder``, by their names.
    """
    with database.read() as connection:
        for version, name, sha256 in _needed(connection, Storage(folder)):
            if name not in present or _sha256(folder / name, present[name]) != sha256:
                return version
    return None


def _sha256(path: Path, file: Member) -> str | None:
    """The hash of a file or, of a bundle in two, of the bundle; None where the two are none."""
    if path.suffix != OWN:
        return file.sha256
    try:
        with open_whole(path) as bundle:
            return hashlib.file_digest(bundle, "sha256").hexdigest()
    except (FileNotFoundError, BundleInvalid):
        return None


def _needed(connection: Connection, storage: Storage) -> Iterator[tuple[Version, str, str]]:
    """The files that rows need: whose each is, its name in the data folder, its SHA-256."""
    version = builds.c.recognizer_id, builds.c.version
    pictures = select(*version, files.c.position, files.c.content_hash).join(files, files.c.build == builds.c.number)
    for row in connection.execute(pictures.where(files.c.state == FileState.WAITING)):
        picture = storage.image(row.recognizer_id, row.version, row.position)
        yield Version(row.recognizer_id, row.version), _named(storage, picture), row.content_hash
    bundles = select(*version, builds.c.bundle, builds.c.bundle_sha256).where(builds.c.bundle.is_not(None))
    for row in connection.execute(bundles):
        bundle = storage.bundle(row.recognizer_id, row.bundle)
        yield Version(row.recognizer_id, row.version), _named(storage, bundle), row.bundle_sha256


def _named(storage: Storage, path: Path) -> str:
    return str(path.relative_to(storage.data_dir))
