"""Deleting the files that nothing needs any more."""

import shutil
import time
from pathlib import Path

from sqlalchemy import select

from features import store
from features.database import Database
from jobs.storage import Storage
from jobs.table import tasks
from jobs.table.builds import build_numbered
from jobs.table.tables import OPEN_STATES, builds, files
from jobs.versions.erasing import forget_unneeded, needed

#: Seconds; a file of an unknown build may belong to a request that is just being accepted.
_REQUEST_S = 3600


def tidy_build(database: Database, storage: Storage, build: int) -> None:
    """Delete what a build that has ended does not need.

    Its pictures, unless they are kept or were given up, which may be tried again; where a search stood, and what
    trainings left that were refused. Of a dry run nothing stays but what was found, so its encodings go as well.
    """
    with database.read() as connection:
        ended = build_numbered(connection, build)
        given_up = tasks.given_up(connection, build)
    if ended is None or ended.state in OPEN_STATES:
        return
    if ended.options.dry_run:
        _forget_examined(database, build, ended.tenant)
    if ended.options.dry_run:
        storage.erase_images(ended.recognizer_id, ended.version)
    elif not ended.options.keep_images:
        storage.erase_images(ended.recognizer_id, ended.version, but=given_up)
    storage.erase_unpublished(ended.recognizer_id, ended.version, ended.bundle)


def _forget_examined(database: Database, build: int, tenant: str) -> None:
    """Forget what only a dry run needed; asked first, since it is asked of every one at each start."""
    with database.read() as connection:
        hashes = set(connection.scalars(select(files.c.content_hash).where(files.c.build == build)))
        if not store.holds_any(connection, tenant, hashes - needed(connection, tenant, hashes)):
            return
    with database.write() as connection:
        forget_unneeded(connection, tenant, hashes)
    database.forget_deleted()


def tidy(database: Database, storage: Storage) -> None:
    """Delete what crashes left behind: pictures of builds that ended, and files of nobody."""
    with database.read() as connection:
        rows = connection.execute(select(builds.c.number, builds.c.recognizer_id)).all()
    for row in rows:
        tidy_build(database, storage, row.number)
    database.forget_deleted()  # what was deleted just before a crash
    known = {row.recognizer_id for row in rows}
    for folder in (*storage.images.iterdir(), *storage.bundles.iterdir()):
        if folder.name not in known and _is_old(folder):
            shutil.rmtree(folder, ignore_errors=True)
    for upload in filter(_is_old, storage.incoming.iterdir()):
        upload.unlink(missing_ok=True)


def _is_old(path: Path) -> bool:
    try:
        return path.stat().st_mtime < time.time() - _REQUEST_S
    except FileNotFoundError:  # taken, or deleted, at this moment
        return False
