"""Restoring a backup into an empty data folder: the command ``run.py restore``."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from constants.exceptions import BackupInvalid, InvalidRequest
from constants.settings import DATABASE_FILE, Settings, load_settings
from jobs.commands.backup_archive import BackupManifest, unpack
from jobs.commands.backup_contents import incomplete, opened
from jobs.commands.carefully import carefully, refuse_other_database
from jobs.files.storage import Storage
from jobs.folder_lock import only_one
from jobs.table.migrating import migrate, schema_of
from modelization.bundle.bundle_file import sync_folder

#: What an empty data folder may hold: the lock, and what a file system keeps in its topmost folder.
_NOTHING = frozenset({"lock", "lost+found"})
#: The folders of a backup.
_FOLDERS = ("images", "bundles")


def restore(backup: Path) -> None:
    """Bring what a backup holds into the data folder of the settings: all of it, or nothing.

    Raises ``BackupInvalid`` for a file that is no whole backup, ``OtherRelease`` for one that is newer than this
    release, ``InvalidRequest`` or ``InvalidSettings`` where the data folder is used or not empty.
    """
    settings = load_settings()
    refuse_other_database(settings)
    if not backup.is_file():
        raise InvalidRequest(f"{backup} is not a file.")
    with carefully("The restore"), _emptied(settings) as folder:
        manifest = unpack(backup, folder)
        _check(folder, manifest)
        _move(folder, settings.data_dir)
    print(f"{settings.data_dir}: {len(manifest.files)} files of {manifest.taken_at}, ready for the service to start")


@contextmanager
def _emptied(settings: Settings) -> Iterator[Path]:
    """A folder in the data folder, to restore into; on an error the data folder is left as it was."""
    data_dir, storage = settings.data_dir, Storage(settings.data_dir)
    _refuse_used(storage)
    missing = not data_dir.exists()
    data_dir.mkdir(parents=True, exist_ok=True)
    with only_one(settings):
        _refuse_used(storage)  # once more: no service starts from here on
        try:
            _clear(storage)  # of a restore that was killed
            storage.restoring.mkdir()
            yield storage.restoring
        except BaseException:
            shutil.rmtree(data_dir) if missing else _clear(storage)
            raise
        shutil.rmtree(storage.restoring, ignore_errors=True)


def _refuse_used(storage: Storage) -> None:
    found = {path.name for path in storage.data_dir.iterdir()} if storage.data_dir.exists() else set()
    left = {storage.restoring.name, *_FOLDERS} if storage.is_half_restored else set()
    if found - _NOTHING - left:
        raise InvalidRequest(
            f"The data folder {storage.data_dir} is not empty, and nothing in it is overwritten: set FACIAL_DATA_DIR "
            "to another folder, or stop the service that uses this one and move it away."
        )


def _clear(storage: Storage) -> None:
    for folder in (storage.restoring, storage.images, storage.bundles):
        shutil.rmtree(folder, ignore_errors=True)
    (storage.data_dir / DATABASE_FILE).unlink(missing_ok=True)


def _check(folder: Path, manifest: BackupManifest) -> None:
    with opened(folder) as database:
        if schema_of(database) is None:
            raise BackupInvalid("This is not a backup of this service: its database has other tables.")
        migrate(database)
        damaged = incomplete(database, folder, manifest.files)
    if damaged is not None:
        raise BackupInvalid(
            f"A file of version {damaged.version} of the recognizer {damaged.recognizer_id} in this backup is missing, "
            "or not the one that its database tells of; use another backup."
        )


def _move(folder: Path, data_dir: Path) -> None:
    """Put what was restored into its place for good. Until the database is there, which is last, nothing is."""
    os.sync()  # one for all: to sync thousands of files one by one takes minutes
    for name in _FOLDERS:
        if (folder / name).exists():
            (folder / name).rename(data_dir / name)
    sync_folder(data_dir)
    (folder / DATABASE_FILE).rename(data_dir / DATABASE_FILE)
    sync_folder(data_dir)
