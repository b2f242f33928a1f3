"""Deleting recognizers, versions, and the encodings that nothing needs any more."""

import time
from collections.abc import Collection, Sequence

from sqlalchemy import Connection, delete, select, update

from features import store
from features.database import Database
from jobs.storage import Storage
from jobs.table.builds import build_row
from jobs.table.tables import OPEN_STATES, builds, files, recognizers, tasks


def erase(database: Database, storage: Storage, recognizer_id: str) -> None:
    """Cancel what is being done for a recognizer and delete everything of it, its encodings included.

    Encodings of pictures that were sent to another recognizer as well stay, for that one. Raises as
    ``builds.status`` does.
    """
    with database.write() as connection:
        build_row(connection, recognizer_id)
        mine = select(builds.c.number).where(builds.c.recognizer_id == recognizer_id)
        erase_builds(connection, list(connection.scalars(mine)))
        connection.execute(
            update(recognizers).where(recognizers.c.id == recognizer_id).values(erased_at=time.time(), name="")
        )
    # Rows first: a crash in between leaves files that nobody refers to, and these are swept at the next start.
    storage.erase(recognizer_id)
    database.forget_deleted()


def erase_version(database: Database, storage: Storage, recognizer_id: str, version: int) -> None:
    """Cancel and delete one version, and what only it needed; the only one is deleted with its recognizer.

    Raises as ``builds.status`` does.
    """
    with database.write() as connection:
        build = build_row(connection, recognizer_id, version).number
        mine = list(connection.scalars(select(builds.c.number).where(builds.c.recognizer_id == recognizer_id)))
        if len(mine) > 1:
            erase_builds(connection, [build])
    if len(mine) == 1:
        erase(database, storage, recognizer_id)
        return
    storage.erase_version(recognizer_id, version)
    database.forget_deleted()


def erase_builds(connection: Connection, numbers: Sequence[int]) -> None:
    """Delete builds with their files and tasks, and the encodings that no other build needs."""
    hashes = connection.scalars(select(files.c.content_hash).where(files.c.build.in_(numbers))).all()
    for table, column in ((tasks, tasks.c.build), (files, files.c.build), (builds, builds.c.number)):
        connection.execute(delete(table).where(column.in_(numbers)))
    forget_unneeded(connection, set(hashes))


def forget_unneeded(connection: Connection, hashes: Collection[str]) -> None:
    """Delete the encodings of those pictures that no build needs."""
    store.erase(connection, set(hashes) - needed(connection, hashes))


def needed(connection: Connection, hashes: Collection[str], besides: str = "") -> set[str]:
    """Those pictures whose encodings some build needs; a dry run that has ended needs none.

    Builds of the recognizer ``besides`` are left out.
    """
    was_dry_run = builds.c.options["dry_run"].as_boolean() & builds.c.state.not_in(OPEN_STATES)
    query = select(files.c.content_hash).join(builds, builds.c.number == files.c.build)
    query = query.where(~was_dry_run, builds.c.recognizer_id != besides)
    found: set[str] = set()
    for some in store.portions(hashes):
        found.update(connection.scalars(query.where(files.c.content_hash.in_(some))))
    return found
