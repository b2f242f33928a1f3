"""Deleting the files that nothing needs any more."""

from collections.abc import Collection, Sequence
from contextlib import ExitStack, suppress
from functools import partial
from typing import Any

from sqlalchemy import Row, Select, select, update

from features import store
from features.database import Database, Held, hold
from jobs.files.held_folder import sweep_unheld
from jobs.files.layout import bare_form, is_part, is_search, token_of, version_of
from jobs.files.storage import Storage
from jobs.intake.pieced_uploads import PiecedUploads
from jobs.snapshot import sweep_snapshot
from jobs.table import tasks
from jobs.table.builds import build_numbered
from jobs.table.nodes import share
from jobs.table.objects import sweep_objects, written_down
from jobs.table.records import Build
from jobs.table.tables import OPEN_STATES, FileState, builds, files
from jobs.versions.erasing import erase_expired, forget_unneeded, needed
from jobs.versions.erasures import carry_out
from jobs.work.kept_pictures import bare_positions, take_left
from jobs.work.thumbnails import keeps_thumbnails


def tidy_build(database: Database, storage: Storage, build: int) -> None:
    """Delete what a build that has ended does not need.

    Its pictures, but those that are kept, or were given up and may be tried again; where a search stood, and what
    trainings left that were refused. Of a dry run nothing stays but what was found, so its encodings go as well.
    """
    ended = _tidy_pictures(database, storage, build)
    if ended is not None:
        _settle_pictures(database, storage, build)
        storage.erase_unpublished(ended.recognizer_id, ended.version, ended.bundle)


def _tidy_pictures(database: Database, storage: Storage, build: int) -> Build | None:
    """Delete pictures and encodings that a build which has ended does not need, and give it; of others nothing."""
    with database.read() as connection:
        ended = build_numbered(connection, build)
        given_up = tasks.given_up(connection, build)
        bare = set(bare_positions(connection, build))
    if ended is None or ended.state in OPEN_STATES:
        return None
    if ended.thumbnail_key is not None and not keeps_thumbnails(ended):
        _forget_thumbnail_key(database, build)
    if ended.options.dry_run:
        _forget_examined(database, build, ended.tenant)
        storage.erase_images(ended.recognizer_id, ended.version)
    elif ended.options.keep_images:
        take_left(storage.image_folder(ended.recognizer_id, ended.version), bare)
        storage.erase_images(ended.recognizer_id, ended.version, bare.union(given_up), not keeps_thumbnails(ended))
    else:
        storage.erase_images(ended.recognizer_id, ended.version, given_up, not keeps_thumbnails(ended))
    return ended


def _forget_thumbnail_key(database: Database, build: int) -> None:
    """Let nobody read the thumbnails of a build that has ended, wherever copies of them are."""
    ended = builds.c.number == build, builds.c.state.not_in(OPEN_STATES)
    with database.write() as connection:
        connection.execute(update(builds).where(*ended).values(thumbnail_key=None))


def _settle_pictures(database: Database, storage: Storage, build: int) -> None:
    """Let there be among the objects what is still needed of a build's pictures, and no copies here of what is kept.

    What is only here was made before there were objects. A kept picture is called bare among them, and a copy of it
    may be as it was sent.
    """
    with ExitStack() as held:
        if storage.is_shared:
            with database.read() as connection:
                known = build_numbered(connection, build)
            if known is not None:
                held.enter_context(storage.arrival(known.recognizer_id))
                _settle_held_pictures(database, storage, build)


def _settle_held_pictures(database: Database, storage: Storage, build: int) -> None:
    with database.read() as connection:  # once more: from here on an erasure waits
        known = build_numbered(connection, build)
        given_up, bare = tasks.given_up(connection, build), bare_positions(connection, build)
        waiting = select(files.c.position).where(files.c.build == build, files.c.state == FileState.WAITING)
        positions = connection.scalars(waiting).all()
    if known is None:
        return
    place = known.recognizer_id, known.version
    if known.state in OPEN_STATES:
        storage.share_missing(*place, positions)
    elif known.options.dry_run:
        storage.shared.erase_pictures(*place)
    else:
        kept = {path: path for path in map(partial(storage.image, *place), given_up)}
        if known.options.keep_images:
            kept |= {path: bare_form(path) for path in map(partial(storage.image, *place), bare)}
        needed_names = {path.name for path in kept.values()}
        storage.shared.erase_pictures(*place, needed_names, not keeps_thumbnails(known))
        storage.share_missing(*place)
        storage.exchange(*place, kept)


def _forget_examined(database: Database, build: int, tenant: str) -> None:
    """Forget what only a dry run needed; asked first, since it is asked of every one at each start."""
    with database.read() as connection:
        hashes = set(connection.scalars(select(files.c.content_hash).where(files.c.build == build)))
        if not store.holds_any(connection, tenant, hashes - needed(connection, tenant, hashes)):
            return
    with database.write() as connection:
        store.hold_shelf(connection, tenant)
        forget_unneeded(connection, tenant, hashes)
    database.forget_deleted()


def sweep(database: Database, storage: Storage) -> None:
    """Delete what processes that ended left of requests and trainings, and go on with erasures; some are due by now."""
    sweep_unheld(storage.incoming)
    sweep_unheld(storage.scratch)
    sweep_unheld(storage.arriving)
    sweep_objects(database, storage)
    erase_expired(database, storage)
    if storage.snapshot.exists():
        sweep_snapshot(storage.data_dir)
    carry_out(database, storage)


def tidy(database: Database, storage: Storage) -> None:
    """Delete what crashes left behind: pictures and bundles of builds that ended or never were, dry runs' encodings.

    And uploads in pieces that nobody waits for any more.
    """
    PiecedUploads(storage.pieces).sweep()
    # Files first: one that is there has its row by then, or is just being accepted, or is nobody's.
    with_pictures, written = storage.versions_with_pictures(), storage.written_bundles()
    with database.read() as connection:
        known = {(row.recognizer_id, row.version): row for row in connection.execute(_VERSIONS)}
        held = tasks.tokens(connection)
    ended = {version for version, row in known.items() if row.state not in OPEN_STATES}
    dry_runs = {version for version in ended if known[version].dry_run}
    for version in dry_runs | ended.intersection(with_pictures):
        _tidy_pictures(database, storage, known[version].number)
        if storage.is_shared and storage.has_copies(*version):
            _settle_pictures(database, storage, known[version].number)
    _discard_unaccepted(database, storage, [version for version in with_pictures if version not in known])
    for recognizer_id, name in written:
        row = known.get((recognizer_id, version_of(name)))
        if row is None or not _is_needed(name, row, held):
            storage.erase_bundle(recognizer_id, name)
    database.forget_deleted()


def tidy_objects(database: Database, storage: Storage) -> None:
    """Delete the objects that no row needs, and put those there that are missing: they were made before there were any.

    One that is there belongs to a claim that is held, or has its row by then, or is nobody's.
    """
    stored, with_pictures = storage.shared.all_bundles(), storage.shared.versions_with_pictures()
    here = set(storage.versions_with_pictures())
    with database.read() as connection:
        known = {(row.recognizer_id, row.version): row for row in connection.execute(_VERSIONS)}
        held, being_put = tasks.tokens(connection), written_down(connection)
    for version in (with_pictures | here) & known.keys():
        _settle_pictures(database, storage, known[version].number)
    for recognizer_id, number in with_pictures - known.keys():
        if f"images/{recognizer_id}/{number}" not in being_put:
            storage.shared.erase_pictures(recognizer_id, number)
    for recognizer_id, name in stored:
        row = known.get((recognizer_id, version_of(name) or 0))
        if row is None or not _is_needed(name, row, held):
            storage.shared.delete([storage.bundle(recognizer_id, name)])
    for row in known.values():
        if row.bundle is not None and (row.recognizer_id, row.bundle) not in stored:
            _publish_late(database, storage, row.number)
    if storage.node:
        share(database, storage.node)


def _publish_late(database: Database, storage: Storage, build: int) -> None:
    """Publish a bundle that is only here, if it is."""
    with database.read() as connection:
        known = build_numbered(connection, build)
    if known is None or known.bundle is None:
        return
    with storage.arrival(known.recognizer_id), suppress(FileNotFoundError):
        with database.read() as connection:  # once more: from here on an erasure waits
            is_known = build_numbered(connection, build) is not None
        if is_known:
            storage.shared.put_bundle(storage.bundle(known.recognizer_id, known.bundle))


_VERSIONS: Select[Any] = select(
    builds.c.number,
    builds.c.recognizer_id,
    builds.c.version,
    builds.c.state,
    builds.c.bundle,
    builds.c.options["dry_run"].as_boolean().label("dry_run"),
)


def _discard_unaccepted(database: Database, storage: Storage, suspects: Sequence[tuple[str, int]]) -> None:
    """Discard pictures that belong to no build, and to none that is just being accepted."""
    if not suspects:
        return
    with database.write() as connection:
        # Pictures are taken in by whoever holds their recognizer: nobody else does now.
        hold(connection, Held.RECOGNIZER, *(recognizer_id for recognizer_id, _ in suspects))
        known = {(row.recognizer_id, row.version) for row in connection.execute(_VERSIONS)}
        for version in set(suspects) - known:
            storage.discard_pictures(*version)


def _is_needed(name: str, row: Row[Any], held: Collection[str]) -> bool:
    """Whether a file beside a version's bundle is the published one, is being written, or is a search to go on with."""
    if is_part(name, row.bundle):
        return True
    return row.state in OPEN_STATES and (token_of(name) in held or is_search(name))
