"""More pictures for a recognizer: of new people, or of known ones."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace

from constants.reasons import Reason
from features.database import Database
from jobs.intake.intake import refuse_hopeless
from jobs.storage import Storage
from jobs.table import build_log
from jobs.table.admission import Admission
from jobs.table.builds import Upload, insert_files, paths
from jobs.table.holding import hold_recognizer
from jobs.table.records import File, files_of
from jobs.versions.next_version import latest, next_version


def grow(
    database: Database, storage: Storage, recognizer_id: str, uploads: Sequence[Upload], admission: Admission
) -> int:
    """Accept a version with more pictures, and give its number: when this returns, they survive a power cut.

    Raises ``NothingUsable`` where the latest version has all of them already, else as ``latest`` and ``submit`` do.
    """
    # What is entered first is left last: the files are given up where the transaction cannot be committed, too.
    with ExitStack() as taken, database.write() as connection:
        admission.check(connection)
        hold_recognizer(connection, recognizer_id)
        base = latest(connection, recognizer_id)
        files = files_of(connection, base.number)
        uploads = _without_known(uploads, files)
        refuse_hopeless(uploads, base.ready_manifest.labels)
        build, version = next_version(connection, base, files)
        first = max(file.position for file in files) + 1
        storage.erase_images(recognizer_id, version)  # of a version that was never committed
        taken.enter_context(storage.taking_in(paths(uploads, first), recognizer_id, version))
        insert_files(connection, build, uploads, version, first)
        admission.note(connection, recognizer_id, version)
        build_log.accepted(connection, build)
    return version


def _without_known(uploads: Sequence[Upload], files: Sequence[File]) -> list[Upload]:
    """The uploads, with those refused as duplicates that a version has already, for the same person or for none."""
    known = {file.content_hash for file in files} | {file.video for file in files}
    named = {(file.content_hash, file.label) for file in files} | {(file.video, file.label) for file in files}
    named |= {(file.content_hash, face.person) for file in files for face in file.people}
    return [
        replace(upload, path=None, reason=Reason.DUPLICATE)
        if upload.reason is None
        and ((upload.content_hash, upload.label) in named or (upload.label is None and upload.content_hash in known))
        else upload
        for upload in uploads
    ]
