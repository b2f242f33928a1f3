"""Forgetting one person: the faces, every version that was built with them, and what else may show the person."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt
from sqlalchemy import ColumnElement, Connection, delete, exists, select, update

from constants.exceptions import Conflict
from constants.faces import ENCODING_SIZE
from constants.reasons import Reason
from features import store
from features.database import Database
from features.lookalikes import may_be_of
from features.store import FaceFeatures, Shelf
from jobs.files.storage import Storage
from jobs.table import build_log, tasks
from jobs.table.holding import hold_whole
from jobs.table.records import Build, File, StandIn, files_where
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

    Of the versions only those files are read that have to do with the person: there may be 100,000.
    """
    with database.write() as connection:
        hold_whole(connection, recognizer_id)
        base = newest_serving(connection, recognizer_id)
        numbers = _builds_of(connection, recognizer_id)
        labels = set(connection.scalars(select(faces.c.person).where(_stands(base.number)).distinct()))
        person = known_label(labels, label, base.version)
        _refuse_last(labels, person)
        erased = _built_with(connection, numbers, person, _own(connection, base, person))
        gone = _to_erase(connection, base, numbers, erased, person)
        versions = {version: _concerned(connection, number, person, gone) for version, number in numbers.items()}
        elsewhere = needed_elsewhere(connection, gone, recognizer_id, base.tenant)
        needing = needed_by(connection, {content for content, _ in elsewhere}, recognizer_id, base.tenant)
        build, version = next_version(connection, base, _left_out(versions[base.version], person, gone))
        connection.execute(update(builds).where(builds.c.number == build).values(stand_in=asdict(_stand_in(base))))
        _erase_faces(connection, _concerned(connection, build, person, gone), gone)
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


def _stands(*numbers: int) -> ColumnElement[bool]:
    """Of a face, that it stands for somebody in one of these builds."""
    return faces.c.build.in_(numbers) & faces.c.person.is_not(None)


def _places(connection: Connection, which: ColumnElement[bool]) -> set[_Place]:
    """Faces of which something is true."""
    query = select(files.c.content_hash, faces.c.face).join(faces, faces.c.file == files.c.id).where(which)
    return {(content, face) for content, face in connection.execute(query)}


def _built_with(connection: Connection, numbers: Mapping[int, int], person: str, own: set[_Place]) -> list[int]:
    """The versions in which a person's faces stand for somebody, whatever it is called, or which have its label."""
    labelled = select(files.c.build).where(files.c.build.in_(numbers.values()), files.c.label == person)
    found = set(connection.scalars(labelled.distinct()))
    query = select(files.c.build, files.c.content_hash, faces.c.face).join(faces, faces.c.file == files.c.id)
    for some in store.portions({content for content, _ in own}):
        rows = connection.execute(query.where(files.c.content_hash.in_(some), _stands(*numbers.values())))
        found.update(build for build, content, face in rows if (content, face) in own)
    return [version for version, number in numbers.items() if number in found]


def _to_erase(
    connection: Connection, base: Build, numbers: Mapping[int, int], erased: Collection[int], person: str
) -> set[_Place]:
    """The person's own faces, and those that are nobody's and may be the person's or were sent for the person."""
    own = _own(connection, base, person)
    staying = [number for version, number in numbers.items() if version not in erased]
    nobodys = sorted(_nobodys(connection, list(numbers.values()), [base.number, *staying]))
    labelled = select(files.c.content_hash).where(files.c.build.in_(numbers.values()), files.c.label == person)
    sent_for = set(connection.scalars(labelled.distinct()))
    encoded = _encoded(connection, base, {*nobodys, *own})
    alike = may_be_of(_encodings(encoded, nobodys), _encodings(encoded, sorted(own)))
    return own | {place for place, is_alike in zip(nobodys, alike, strict=True) if is_alike or place[0] in sent_for}


def _own(connection: Connection, base: Build, person: str) -> set[_Place]:
    """The faces that stand for a person."""
    return _places(connection, _stands(base.number) & (faces.c.person == person))


def _nobodys(connection: Connection, numbers: Sequence[int], kept: Sequence[int]) -> set[_Place]:
    """The faces in builds of those numbers that stand for nobody in the ones that are ``kept``."""
    same_file, same_face = files.alias(), faces.alias()
    somebodys = exists().where(
        same_file.c.content_hash == files.c.content_hash,
        same_face.c.file == same_file.c.id,
        same_face.c.face == faces.c.face,
        same_face.c.build.in_(kept),
        same_face.c.person.is_not(None),
    )
    # The first of these leaves few to look at, or none.
    return _places(connection, ~_stands(*kept) & faces.c.build.in_(numbers) & ~somebodys)


def _concerned(connection: Connection, build: int, person: str, gone: set[_Place]) -> list[File]:
    """The files of a build that were sent for a person, or have faces that are ``gone``, by their positions."""
    own = select(files.c.id).where(files.c.build == build)
    found = {file.position: file for file in files_where(connection, own.where(files.c.label == person))}
    for some in store.portions({content for content, _ in gone}):
        with_gone = files_where(connection, own.where(files.c.content_hash.in_(some)))
        found |= {file.position: file for file in with_gone}
    return [found[position] for position in sorted(found)]


def _encoded(connection: Connection, base: Build, places: Collection[_Place]) -> dict[_Place, FaceFeatures]:
    """The features of faces."""
    shelf = Shelf(base.tenant, base.pipeline_version or base.ready_manifest.pipeline_version)
    images = store.get(connection, shelf, {content for content, _ in places})
    found = {(content, face.index): face for content, image in images.items() for face in image.faces}
    return {place: found[place] for place in places}


def _encodings(encoded: Mapping[_Place, FaceFeatures], places: Sequence[_Place]) -> npt.NDArray[np.float32]:
    found = [encoded[place].encoding for place in places]
    return np.stack(found) if found else np.empty((0, ENCODING_SIZE), np.float32)


def _left_out(sent: _Files, person: str, gone: set[_Place]) -> list[File]:
    """Those of the files that are not in the next version: in which nobody else is left."""
    left_out = []
    for file in sent:
        others = [face for face in file.faces if (file.content_hash, face.index) not in gone]
        nobody = not any(face.person is not None for face in others)
        if (file.label == person and nobody) or (file.state == FileState.ENCODED and not others):
            left_out.append(file)
    return left_out


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
