"""Forgetting one person: the faces, every version that was built with them, and what else may show the person."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection, delete, select, update

from constants.exceptions import Conflict
from constants.faces import ENCODING_SIZE
from constants.reasons import Reason
from features import store
from features.database import Database
from features.lookalikes import may_be_of
from features.store import FaceFeatures, Shelf
from jobs.storage import Storage
from jobs.table import build_log, tasks
from jobs.table.holding import hold_whole
from jobs.table.records import Build, File, StandIn, files_of
from jobs.table.tables import FileState, builds, faces, files
from jobs.versions.erasing import erase_builds, forget_unneeded, needed_by, needed_elsewhere
from jobs.versions.erasures import ErasureState, carry_out_at_once, outcome, request_erasure
from jobs.versions.next_version import known_label, newest_serving, next_version

#: A face in whatever build: the content hash of its picture, and its index there.
_Place = tuple[str, int]
_Files = Sequence[File]


@dataclass(frozen=True)
class Kept:
    """A file whose faces stay, and the other recognizers that were sent it."""

    file: str
    recognizers: tuple[str, ...]


@dataclass(frozen=True)
class Receipt:
    """What was erased of a person, and the ``version`` that is being made without.

    ``versions`` were built with the person and are gone. ``files`` are those of which something was erased, ``faces``
    the number of faces in them. ``kept`` are files whose faces stay, because another recognizer was sent them too, and
    ``kept_for`` says which. Of a pending ``erasure`` something may still be on the disk; of one that is done nothing
    was left at ``erased_at``.
    """

    id: str
    label: str
    version: int
    versions: tuple[int, ...]
    files: tuple[str, ...]
    faces: int
    kept: tuple[str, ...]
    kept_for: tuple[Kept, ...]
    erasure: ErasureState
    erased_at: float | None


def forget(database: Database, storage: Storage, recognizer_id: str, label: str) -> Receipt:
    """Erase a person's faces and every version built with them, and accept a version without the person.

    Faces that stand for nobody go as well, where they may be the person's or are in a picture that was sent for the
    person; in a picture that shows others too, those stay. What another recognizer was sent is that one's, and stays.
    Kept pictures of all these versions are deleted. Until the new version is ready, faces are judged by what is kept
    of the others, as the latest version judged them. Raises ``Conflict`` where nobody would be left,
    else as ``newest_serving`` and ``known_label`` do.
    """
    with database.write() as connection:
        hold_whole(connection, recognizer_id)
        base = newest_serving(connection, recognizer_id)
        numbers = _builds_of(connection, recognizer_id)
        versions = {version: files_of(connection, number) for version, number in numbers.items()}
        labels = set[str]().union(*(file.labels for file in versions[base.version]))
        person = known_label(labels, label, base.version)
        _refuse_last(labels, person)
        erased = _built_with(versions, person, _standing_for(versions[base.version], person))
        gone = _to_erase(connection, base, versions, erased, person)
        elsewhere = needed_elsewhere(connection, gone, recognizer_id, base.tenant)
        needing = needed_by(connection, {content for content, _ in elsewhere}, recognizer_id, base.tenant)
        build, version = next_version(connection, base, _left(versions[base.version], person, gone))
        connection.execute(update(builds).where(builds.c.number == build).values(stand_in=asdict(_stand_in(base))))
        _erase_faces(connection, files_of(connection, build), gone)
        connection.execute(update(files).where(files.c.build == build, files.c.label == person).values(label=None))
        staying = versions.keys() - set(erased)
        reduced = [number for number in staying if _erase_faces(connection, versions[number], gone)]
        requested = [request_erasure(connection, recognizer_id, number) for number in erased]
        requested += [request_erasure(connection, recognizer_id, number, only_pictures=True) for number in reduced]
        erase_builds(connection, [numbers[number] for number in erased])
        forget_unneeded(connection, base.tenant, {content for content, _ in gone})
        build_log.forgotten(connection, build, len(erased), len(gone - elsewhere))
        build_log.accepted(connection, build)
        tasks.train_if_encoded(connection, build)
    carry_out_at_once(database, storage)
    sent = [file for own in versions.values() for file in own]
    with database.read() as connection:
        erasure, erased_at = outcome(connection, requested)
    return Receipt(
        id=recognizer_id,
        label=person,
        version=version,
        versions=tuple(erased),
        files=_names(sent, gone - elsewhere),
        faces=len(gone - elsewhere),
        kept=_names(sent, elsewhere),
        kept_for=_kept_for(sent, needing),
        erasure=erasure,
        erased_at=erased_at,
    )


def _stand_in(base: Build) -> StandIn:
    """Judge the others as the latest version does: with its threshold, fewer people leave fewer strangers named."""
    if base.stand_in is not None:
        return base.stand_in
    manifest = base.ready_manifest
    return StandIn(manifest.rule, manifest.threshold, manifest.threshold_logit)


def _refuse_last(labels: Collection[str], person: str) -> None:
    if len(labels) < 2:
        raise Conflict(f"Without {person!r} nobody would be left; delete the recognizer, which forgets everybody.")


def _builds_of(connection: Connection, recognizer_id: str) -> dict[int, int]:
    """The number of the build of every version."""
    query = select(builds.c.version, builds.c.number).where(builds.c.recognizer_id == recognizer_id)
    return {row.version: row.number for row in connection.execute(query.order_by(builds.c.version))}


def _standing_for(sent: Iterable[File], person: str | None = None) -> set[_Place]:
    """The faces that stand for a person, or for anybody."""
    return {(file.content_hash, face.index) for file in sent for face in file.people if person in (None, face.person)}


def _built_with(versions: Mapping[int, _Files], person: str, own: set[_Place]) -> list[int]:
    """The versions in which a person's faces stand for somebody, whatever it is called, or which have its label."""
    return [
        version
        for version, sent in versions.items()
        if own & _standing_for(sent) or any(file.label == person for file in sent)
    ]


def _to_erase(
    connection: Connection, base: Build, versions: Mapping[int, _Files], erased: Collection[int], person: str
) -> set[_Place]:
    """The person's own faces, and those that are nobody's and may be the person's or were sent for the person."""
    sent = [file for own in versions.values() for file in own]
    own = _standing_for(versions[base.version], person)
    staying = [file for version, own_files in versions.items() if version not in erased for file in own_files]
    somebodys = _standing_for([*versions[base.version], *staying])
    sent_for = {file.content_hash for file in sent if file.label == person}
    encoded = _encoded(connection, base, sent)
    nobodys = sorted(encoded.keys() - somebodys)
    alike = may_be_of(_encodings(encoded, nobodys), _encodings(encoded, sorted(own)))
    more = {place for place, is_alike in zip(nobodys, alike, strict=True) if is_alike or place[0] in sent_for}
    return own | more


def _encoded(connection: Connection, base: Build, sent: Iterable[File]) -> dict[_Place, FaceFeatures]:
    """The features of the faces of files."""
    places = {(file.content_hash, face.index) for file in sent for face in file.faces}
    shelf = Shelf(base.tenant, base.pipeline_version or base.ready_manifest.pipeline_version)
    images = store.get(connection, shelf, {content for content, _ in places})
    found = {(content, face.index): face for content, image in images.items() for face in image.faces}
    return {place: found[place] for place in places}


def _encodings(encoded: Mapping[_Place, FaceFeatures], places: Sequence[_Place]) -> npt.NDArray[np.float32]:
    found = [encoded[place].encoding for place in places]
    return np.stack(found) if found else np.empty((0, ENCODING_SIZE), np.float32)


def _left(sent: _Files, person: str, gone: set[_Place]) -> list[File]:
    """The files of the next version; those in which nobody else is left are not among them."""
    left = []
    for file in sent:
        others = [face for face in file.faces if (file.content_hash, face.index) not in gone]
        nobody = not any(face.person is not None for face in others)
        if not (file.label == person and nobody) and not (file.state == FileState.ENCODED and not others):
            left.append(file)
    return left


def _erase_faces(connection: Connection, sent: _Files, gone: set[_Place]) -> bool:
    """Delete the rows of faces that are ``gone`` from a version's files; whether there were any."""
    found = {file: [face for face in file.faces if (file.content_hash, face.index) in gone] for file in sent}
    for some in store.portions([face.id for own in found.values() for face in own]):
        connection.execute(delete(faces).where(faces.c.id.in_(some)))
    emptied = [file.id for file, own in found.items() if own and len(own) == len(file.faces)]
    for some in store.portions(emptied):
        rejected = {"state": FileState.REJECTED, "reason": Reason.NO_FACE}
        connection.execute(update(files).where(files.c.id.in_(some)).values(rejected))
    return any(found.values())


def _kept_for(sent: Iterable[File], needing: Mapping[str, tuple[str, ...]]) -> tuple[Kept, ...]:
    named = dict.fromkeys((file.name, file.content_hash) for file in sent if file.content_hash in needing)
    return tuple(Kept(name, needing[content]) for name, content in named)


def _names(sent: Iterable[File], places: Iterable[_Place]) -> tuple[str, ...]:
    """The names of the files with faces in those places, each once, in their order."""
    wanted = {content for content, _ in places}
    return tuple(dict.fromkeys(file.name for file in sent if file.content_hash in wanted))
