"""Backing up a data folder, while its service goes on or stands still: the command ``run.py backup``."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from constants.exceptions import BackupInvalid, InvalidRequest, OtherRelease
from constants.release import VERSION
from constants.settings import DATABASE_FILE, Settings, load_settings
from features.database import Database
from jobs.commands.backup_archive import BackupManifest, pack
from jobs.commands.backup_contents import incomplete, opened
from jobs.commands.carefully import carefully, refuse_other_database
from jobs.files.storage import Storage
from jobs.snapshot import snapshot
from jobs.table.migrating import SCHEMA, schema_of
from modelization.bundle.bundle_file import sync_folder


def back_up(out: Path) -> None:
    """Write a backup of the data folder to the file ``out``, which is replaced once the new one is whole.

    Raises ``BackupInvalid`` where the data are damaged, so that nothing could be restored from them, ``Conflict`` while
    another backup is made, and ``InvalidRequest``, ``InvalidSettings`` or ``OtherRelease`` for what a person can mend.
    """
    settings = load_settings()
    refuse_other_database(settings)
    _refuse_place(out, settings)
    with carefully("The backup"), _database(settings) as database, _whole(out) as file:
        manifest = BackupManifest(release=VERSION, taken_at=datetime.now(UTC).isoformat(timespec="seconds"))
        with snapshot(database, Storage(settings.data_dir)) as folder:
            manifest = pack(folder, file, manifest)
            with opened(folder) as copy:
                damaged = incomplete(copy, folder, manifest.files)
        if damaged is not None:
            raise BackupInvalid(
                f"A file of version {damaged.version} of the recognizer {damaged.recognizer_id} is missing or damaged; "
                f"DELETE /v1/recognizers/{damaged.recognizer_id}?version={damaged.version}, then back up again."
            )
    print(f"{out}: {len(manifest.files)} files, {out.stat().st_size / 1e6:.1f} MB")


def _refuse_place(out: Path, settings: Settings) -> None:
    if out.is_dir() or not out.absolute().parent.is_dir():
        raise InvalidRequest(f"{out} cannot be the backup's file; name a file in a folder that is there.")
    if settings.data_dir.resolve() in out.resolve().parents:
        raise InvalidRequest(f"{out} is in the data folder; put the backup somewhere else, best on another disk.")


@contextmanager
def _database(settings: Settings) -> Iterator[Database]:
    """The data folder's database as it is: nothing is made, or carried over."""
    if not (settings.data_dir / DATABASE_FILE).is_file():
        raise InvalidRequest(f"There is nothing to back up in {settings.data_dir}; set FACIAL_DATA_DIR to another one.")
    database = Database(settings.database)
    try:
        schema = schema_of(database)
        if schema != SCHEMA:
            raise OtherRelease(
                f"The data are of another release ({schema or 'before 1.0.0'}); back up with that one, "
                "or start this one's service first, which carries them over."
            )
        yield database
    finally:
        database.close()


@contextmanager
def _whole(out: Path) -> Iterator[IO[bytes]]:
    """A file that takes the place of ``out`` once it is written and synced; else nothing of it stays."""
    part = out.with_name(f"{out.name}.part")
    try:
        with part.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(out)
        sync_folder(out.absolute().parent)
    finally:
        part.unlink(missing_ok=True)
