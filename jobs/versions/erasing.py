"""Deleting recognizers, versions, and the encodings that nothing needs any more."""

import time
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, delete, exists, select, update

from constants.exceptions import Erased
from features import store
from features.database import Database
from jobs import audit_file
from jobs.audit_file import SERVICE, Entry
from jobs.files.storage import Storage
from jobs.table import build_log
from jobs.table.builds import build_of
from jobs.table.holding import hold_whole
from jobs.table.idempotency import forget_what_was_asked
from jobs.table.nodes import is_within_reach
from jobs.table.tables import OPEN_STATES, FileState, builds, faces, files, people, recognizers, tasks
from jobs.versions.erasures import carry_out_at_once, request_erasure


def erase(database: Database, storage: Storage, recognizer_id: str) -> None:
    """Cancel what is being done for a recognizer and delete everything of it, its encodings included.

    What cannot be erased at once the service's sweep goes on with; see ``erasures.of_recognizer``. Encodings of
    pictures that were sent to another recognizer as well stay, for that one. Raises as ``builds.status`` does.
    """
    with database.write() as connection:
        hold_whole(connection, recognizer_id)
        build_of(connection, recognizer_id)
        mine = list(connection.scalars(select(builds.c.number).where(builds.c.recognizer_id == recognizer_id)))
        build_log.erased(connection, recognizer_id, mine)
        erase_builds(connection, mine)
        connection.execute(
            update(recognizers)
            .where(recognizers.c.id == recognizer_id)
            .values(erased_at=time.time(), expires_at=None, name="")
        )
        request_erasure(connection, recognizer_id)
    carry_out_at_once(database, storage)


def erase_expired(database: Database, storage: Storage) -> None:
    """Erase the recognizers of this node whose time has come, by the clock on the wall."""
    expired = select(recognizers.c.id, recognizers.c.tenant).where(recognizers.c.expires_at <= time.time())
    expired = expired.where(is_within_reach(storage.node))
    with database.read() as connection:
        due = connection.execute(expired).all()
    for recognizer_id, tenant in due:
        with suppress(Erased):  # at this moment, by whoever asked for it
            erase(database, storage, recognizer_id)
            audit_file.append(storage.data_dir, Entry(SERVICE, "delete", tenant, recognizer_id))


def erase_version(database: Database, storage: Storage, recognizer_id: str, version: int) -> None:
    """Cancel and delete one version, and what only it needed; the only one is deleted with its recognizer.

    Raises as ``builds.status`` does.
    """
    with database.write() as connection:
        hold_whole(connection, recognizer_id)
        build = build_of(connection, recognizer_id, version).number
        mine = list(connection.scalars(select(builds.c.number).where(builds.c.recognizer_id == recognizer_id)))
        if len(mine) > 1:
            erase_versions(connection, recognizer_id, builds.c.number == build)
    if len(mine) == 1:
        erase(database, storage, recognizer_id)
        return
    carry_out_at_once(database, storage)


def erase_versions(connection: Connection, recognizer_id: str, which: ColumnElement[bool]) -> None:
    """Cancel and delete those versions of a recognizer, held whole, that keeps others, if there are any such."""
    query = select(builds.c.number, builds.c.version).where(builds.c.recognizer_id == recognizer_id, which)
    found = connection.execute(query).all()
    for row in found:
        build_log.erased(connection, recognizer_id, [row.number], row.version)
        request_erasure(connection, recognizer_id, row.version)
    if found:
        erase_builds(connection, [row.number for row in found])


def erase_builds(connection: Connection, numbers: Sequence[int]) -> None:
    """Delete builds of a recognizer, held whole, with all that the tables have of them.

    And the encodings that no other build needs.
    """
    tenant = _tenant(connection, numbers)
    pictures, encodings = _needed_by_nobody_else(connection, tenant, numbers)
    forget_what_was_asked(connection, numbers)
    for table in (tasks, people, faces, files):
        connection.execute(delete(table).where(table.c.build.in_(numbers)))
    connection.execute(delete(builds).where(builds.c.number.in_(numbers)))
    store.erase(connection, tenant, pictures)
    store.erase_faces(connection, tenant, encodings)


def _needed_by_nobody_else(
    connection: Connection, tenant: str, numbers: Sequence[int]
) -> tuple[set[str], set[tuple[str, int]]]:
    """The pictures of builds that no other build needs, and the faces of the others, each by content hash and index.

    The database looks for them by itself: a version that follows another one has nearly all of its pictures.
    """
    own, encoded = files.alias(), store.encoded_faces
    others = _needed(tenant).where(files.c.build.not_in(numbers))
    mine = select(own.c.content_hash).where(own.c.build.in_(numbers))
    pictures = mine.where(~others.where(files.c.content_hash == own.c.content_hash).correlate(own).exists())
    alone = set(connection.scalars(pictures.distinct()))
    needs_face = others.where(files.c.content_hash == encoded.c.content_hash, _HAS_FACE | _WAITS).correlate(encoded)
    nobodys = select(encoded.c.content_hash, encoded.c.face).where(
        encoded.c.tenant == tenant, encoded.c.content_hash.in_(mine), ~needs_face.exists()
    )
    found = {(content, face) for content, face in connection.execute(nobodys)}
    return alone, {(content, face) for content, face in found if content not in alone}


def forget_unneeded(connection: Connection, tenant: str, hashes: Iterable[str]) -> None:
    """Delete what is kept of a tenant's pictures and none of its builds needs: whole ones, and faces of others.

    The tenant's shelf is held by the caller.
    """
    hashes = set(hashes)
    still_needed = needed(connection, tenant, hashes)
    store.erase(connection, tenant, hashes - still_needed)
    encoded = store.encoded_faces
    needs_face = _needed(tenant).where(files.c.content_hash == encoded.c.content_hash, _HAS_FACE | _WAITS)
    for some in store.portions(still_needed):
        nobodys = select(encoded.c.content_hash, encoded.c.face).where(
            encoded.c.tenant == tenant, encoded.c.content_hash.in_(some), ~needs_face.exists()
        )
        store.erase_faces(connection, tenant, {(content, face) for content, face in connection.execute(nobodys)})


def needed(connection: Connection, tenant: str, hashes: Collection[str]) -> set[str]:
    """Those pictures that some build of a tenant needs; a dry run that has ended needs none."""
    found: set[str] = set()
    for some in store.portions(hashes):
        found.update(connection.scalars(_needed(tenant).where(files.c.content_hash.in_(some))))
    return found


def needed_elsewhere(
    connection: Connection, chosen: Collection[tuple[str, int]], recognizer_id: str, tenant: str
) -> set[tuple[str, int]]:
    """Those faces, each by content hash and index, that another recognizer of the tenant needs, too."""
    others = _needed(tenant).add_columns(faces.c.face).outerjoin(faces, faces.c.file == files.c.id)
    others = others.where(builds.c.recognizer_id != recognizer_id, faces.c.face.is_not(None) | _WAITS)
    found: set[tuple[str, int | None]] = set()
    for some in store.portions({content for content, _ in chosen}):
        rows = connection.execute(others.where(files.c.content_hash.in_(some)))
        found.update((content, face) for content, face in rows)
    return {(content, face) for content, face in chosen if not found.isdisjoint({(content, face), (content, None)})}


def needed_by(
    connection: Connection, contents: Collection[str], recognizer_id: str, tenant: str
) -> dict[str, tuple[str, ...]]:
    """The other recognizers of the tenant that need a picture, by its content hash."""
    found: dict[str, set[str]] = {}
    others = _needed(tenant).add_columns(builds.c.recognizer_id).where(builds.c.recognizer_id != recognizer_id)
    for some in store.portions(set(contents)):
        for content, other in connection.execute(others.where(files.c.content_hash.in_(some))):
            found.setdefault(content, set()).add(other)
    return {content: tuple(sorted(recognizers)) for content, recognizers in found.items()}


_WAS_DRY_RUN = builds.c.options["dry_run"].as_boolean() & builds.c.state.not_in(OPEN_STATES)
#: A picture that is still to be encoded needs every face that is kept of it.
_WAITS = files.c.state == FileState.WAITING
#: Else a file needs the faces of it that there are rows of.
_HAS_FACE = (
    exists()
    .where(faces.c.file == files.c.id, faces.c.face == store.encoded_faces.c.face)
    .correlate(files, store.encoded_faces)
)


def _needed(tenant: str) -> Select[Any]:
    """The pictures that builds of a tenant need."""
    query = select(files.c.content_hash).join(builds, builds.c.number == files.c.build)
    query = query.join(recognizers, recognizers.c.id == builds.c.recognizer_id)
    return query.where(recognizers.c.tenant == tenant, ~_WAS_DRY_RUN)


def _tenant(connection: Connection, numbers: Sequence[int]) -> str:
    """Whose builds these are, which are all of one recognizer."""
    query = select(recognizers.c.tenant).join(builds, builds.c.recognizer_id == recognizers.c.id)
    return str(connection.execute(query.where(builds.c.number.in_(numbers)).distinct()).scalar_one())
