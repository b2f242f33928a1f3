"""More pictures for a recognizer: of new people, or of known ones."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass, replace

from sqlalchemy import Connection, func, select

from constants.exceptions import Conflict
from constants.reasons import Reason
from features.database import Database
from features.store import portions
from jobs.files.storage import Storage
from jobs.intake.intake import refuse_hopeless
from jobs.table import build_log, objects
from jobs.table.admission import Admission
from jobs.table.builds import WAIT_S, Upload, insert_files, paths
from jobs.table.holding import hold_recognizer
from jobs.table.records import Build, File, files_where
from jobs.table.tables import files
from jobs.versions.next_version import latest, next_version, take_number


@dataclass(frozen=True)
class _Growth:
    """What is added to which version, at which positions, and the new version's number, if that is taken already."""

    base: Build
    uploads: Sequence[Upload]
    first: int
    version: int | None = None


def grow(
    database: Database, storage: Storage, recognizer_id: str, uploads: Sequence[Upload], admission: Admission
) -> int:
    """Accept a version with more pictures, and give its number: when this returns, they survive a power cut.

    Raises ``NothingUsable`` where the latest version has all of them already, else as ``latest`` and ``submit`` do.
    """
    planned = None
    if storage.is_shared:  # the objects come before the transaction, and need their names
        with database.write() as connection:
            admission.check(connection)
            planned = _growth(connection, recognizer_id, uploads)
            planned = replace(planned, version=take_number(connection, recognizer_id))
    # What is entered first is left last: the files are given up where the transaction cannot be committed, too.
    with _ahead(database, storage, planned), ExitStack() as taken, database.write() as connection:
        admission.check(connection)
        growth = _growth(connection, recognizer_id, uploads)
        if planned is not None and planned.base.number != growth.base.number:
            raise Conflict("The recognizer was changed while the pictures were taken in; send them again.", WAIT_S)
        build, version = next_version(connection, growth.base, version=planned.version if planned else None)
        storage.erase_images(recognizer_id, version)  # of a version that was never committed
        laid_out = storage.lay_out(paths(growth.uploads, growth.first))
        taken.enter_context(storage.taking_in(laid_out, recognizer_id, version))
        insert_files(connection, build, growth.uploads, version, growth.first)
        objects.accept(connection, storage, recognizer_id, version)
        admission.note(connection, recognizer_id, version)
        build_log.accepted(connection, build)
    return version


def _growth(connection: Connection, recognizer_id: str, uploads: Sequence[Upload]) -> _Growth:
    hold_recognizer(connection, recognizer_id)
    base = latest(connection, recognizer_id)
    uploads = _without_known(uploads, _sent_already(connection, base.number, uploads))
    refuse_hopeless(uploads, base.ready_manifest.labels)
    first = select(func.max(files.c.position) + 1).where(files.c.build == base.number)
    return _Growth(base, uploads, connection.execute(first).scalar_one())


def _ahead(database: Database, storage: Storage, planned: _Growth | None) -> AbstractContextManager[None]:
    if planned is None or planned.version is None:
        return nullcontext()
    sent = paths(planned.uploads, planned.first)
    return objects.put_ahead(database, storage, sent, planned.base.recognizer_id, planned.version)


def _sent_already(connection: Connection, build: int, uploads: Sequence[Upload]) -> list[File]:
    """The files of a build that uploads are, or are the videos of; nothing is read of the others, who may be many."""
    own = select(files.c.id).where(files.c.build == build)
    found = files_where(connection, own.where(files.c.video.is_not(None)))
    for some in portions({upload.content_hash for upload in uploads}):
        found += files_where(connection, own.where(files.c.content_hash.in_(some)))
    return found


def _without_known(uploads: Sequence[Upload], sent: Sequence[File]) -> list[Upload]:
    """The uploads, with those refused as duplicates that a version has already, for the same person or for none."""
    known = {file.content_hash for file in sent} | {file.video for file in sent}
    named = {(file.content_hash, file.label) for file in sent} | {(file.video, file.label) for file in sent}
    named |= {(file.content_hash, face.person) for file in sent for face in file.people}
    return [
        replace(upload, path=None, reason=Reason.DUPLICATE)
        if upload.reason is None
        and ((upload.content_hash, upload.label) in named or (upload.label is None and upload.content_hash in known))
        else upload
        for upload in uploads
    ]
