"""A collection: a recognizer to which faces are added one by one, and which knows each of them at once.

Programs that were made for other services keep people so. Every change makes a version from the newest one. Until that
is trained, faces are judged by what is kept of its people (``modelization/gallery_recognizer.py``). No change waits for
the version before: one that is still being trained is superseded, so that of many changes in a row only the last one
is trained to its end. Nor do versions pile up that nobody asked for: those of single changes go, but for the newest
that is ready.
"""

import io
import uuid
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection, delete, exists, func, insert, select, update

from constants.exceptions import Conflict, NotFound, ObjectDamaged
from features import store
from features.database import Database, Held, hold
from features.store import ImageFeatures, Shelf, hold_shelf
from jobs.arrival import present_picture, read_thumbnail
from jobs.files.storage import Storage
from jobs.intake.labels import same_label
from jobs.table import build_log, tasks
from jobs.table.admission import Admission
from jobs.table.build_options import BuildOptions
from jobs.table.builds import insert_build, insert_recognizer, newest_that_recognizes
from jobs.table.contents import thumbnail_key
from jobs.table.found_faces import insert_faces
from jobs.table.holding import hold_whole
from jobs.table.records import UNTRAINED, Build, File, files_of
from jobs.table.tables import OPEN_STATES, BuildState, Choice, FileState, builds, faces, files, recognizers
from jobs.versions.erasing import erase, erase_versions, forget_unneeded
from jobs.versions.erasures import carry_out_at_once
from jobs.versions.forgetting import forget
from jobs.versions.next_version import busy, known_label, newest_serving, next_version

_NO_FACE = "There is no face of this id."
_NO_PICTURE = (
    "No picture of this face is kept: photos are forgotten once they are encoded. Build the collection with "
    "keep_images or keep_thumbnails to have those of its pictures."
)


@dataclass(frozen=True)
class Example:
    """A face that somebody is known by."""

    id: str
    person: str


@dataclass(frozen=True)
class SentFace:
    """The face of the index ``face`` in a picture of that name, content hash and features."""

    name: str
    content_hash: str
    image: ImageFeatures
    face: int


@dataclass(frozen=True)
class Enrolment:
    """Faces that are to stand for a person, all found by a pipeline of that version."""

    person: str
    faces: Sequence[SentFace]
    pipeline_version: str


@dataclass(frozen=True)
class Added:
    """Faces that were added to a version of a recognizer, or were there already."""

    recognizer_id: str
    version: int
    examples: Sequence[Example]


def find(database: Database, tenant: str, name: str) -> str | None:
    """The id of a tenant's collection: its newest recognizer of that name."""
    with database.read() as connection:
        return _find(connection, tenant, name)


def pipeline_of(database: Database, recognizer_id: str) -> str | None:
    """The pipeline that a collection's faces must come from; None while nothing says so."""
    with database.read() as connection:
        base = newest_that_recognizes(connection, recognizer_id)
    return None if base is None else _pipeline(base)


def examples(database: Database, recognizer_id: str) -> list[Example]:
    """Every face that somebody is known by, in the order sent. Raises as ``newest_serving`` does."""
    with database.read() as connection:
        base = _now(connection, recognizer_id)
        return _examples(base, files_of(connection, base.number))


def picture(database: Database, storage: Storage, recognizer_id: str, example_id: str) -> BinaryIO:
    """The picture that is kept of a face, opened, or where none is, its thumbnail.

    Raises ``NotFound`` for a face that is not there, or of which neither is kept, else as ``newest_serving`` does.
    """
    with database.read() as connection:
        base = _now(connection, recognizer_id)
        file, index = _place(base, files_of(connection, base.number), example_id)
        key = thumbnail_key(connection, recognizer_id, file.since)
    with suppress(NotFound, ObjectDamaged, FileNotFoundError):
        return present_picture(storage, recognizer_id, file.since, file).open("rb")
    thumbnail = storage.thumbnail(recognizer_id, file.since, file.position, index)
    with suppress(NotFound):
        return io.BytesIO(read_thumbnail(storage, recognizer_id, thumbnail, key))
    raise NotFound(_NO_PICTURE)


def encoding(database: Database, recognizer_id: str, example_id: str) -> tuple[Example, npt.NDArray[np.float32]]:
    """A face that somebody is known by, and its encoding (128,). Raises ``NotFound`` for one that is not there."""
    with database.read() as connection:
        base = _now(connection, recognizer_id)
        file, index = _place(base, files_of(connection, base.number), example_id)
        kept = store.get(connection, Shelf(base.tenant, _pipeline(base) or ""), [file.content_hash])
    person = next(face.person for face in file.people if face.index == index)
    faces = kept[file.content_hash].faces if file.content_hash in kept else ()
    face = next((face for face in faces if face.index == index), None)
    if face is None or person is None:
        raise NotFound(_NO_FACE)
    return Example(example_id, person), face.encoding


def add(database: Database, options: BuildOptions, enrolment: Enrolment, admission: Admission) -> Added:
    """Let faces stand for a person in the collection that is called as ``options`` say, which is made if need be.

    What stands for the person already is not added again. Raises ``Conflict`` for a face that stands for somebody else,
    and where the collection is of another pipeline, else as ``newest_serving`` and ``submit`` do.
    """
    tenant = admission.allowance.tenant
    with database.write() as connection:
        admission.check(connection)
        hold(connection, Held.TENANT, tenant)  # two that find no collection would make two
        hold_shelf(connection, tenant)
        recognizer_id = _find(connection, tenant, options.name)
        if recognizer_id is not None:
            hold_whole(connection, recognizer_id)
        base = None if recognizer_id is None else _base(connection, recognizer_id)
        if base is not None and _pipeline(base) != enrolment.pipeline_version:
            raise Conflict("The collection has changed meanwhile; send the picture again.", retry_after_s=1)
        known = [] if base is None else files_of(connection, base.number)
        person = _as_known(enrolment.person, known)
        new = _each_once(face for face in enrolment.faces if not _is_known(face, person, known))
        if base is not None and not new:
            return _added(base, known, person, enrolment.faces)
        if base is None:
            admission.allowance.take_room(connection)
            recognizer_id, build, version = _first_version(connection, admission, options, enrolment.pipeline_version)
        else:
            recognizer_id = base.recognizer_id
            build, version = next_version(connection, base)
        _insert(connection, build, version, person, new)
        store.put(
            connection, Shelf(tenant, enrolment.pipeline_version), {face.content_hash: face.image for face in new}
        )
        forget_unneeded(connection, tenant, {face.content_hash for face in new})  # whoever else is in a picture
        _begin(connection, recognizer_id, build)
        admission.note(connection, recognizer_id, version)
        made = newest_serving(connection, recognizer_id)
        return _added(made, files_of(connection, build), person, enrolment.faces)


def rename(database: Database, recognizer_id: str, person: str, new: str) -> int:
    """Call a person something else, at once, and give the number of the version; a label that is there joins the two.

    Raises as ``newest_serving`` and ``known_label`` do.
    """
    with database.write() as connection:
        hold_whole(connection, recognizer_id)
        base = _base(connection, recognizer_id)
        known = files_of(connection, base.number)
        before = known_label(_labels(known), person, base.version)
        new = next((label for label in _labels(known) if label != before and same_label(label, new)), new)
        build, version = next_version(connection, base)
        own = (faces.c.build == build) & (faces.c.person == before)
        connection.execute(update(faces).where(own).values(person=new))
        connection.execute(update(files).where(files.c.build == build, files.c.label == before).values(label=new))
        _begin(connection, recognizer_id, build)
    return version


def remove_person(database: Database, storage: Storage, recognizer_id: str, person: str) -> None:
    """Forget somebody, and with the last one the whole collection. Raises as ``forget`` does."""
    with database.read() as connection:
        base = _now(connection, recognizer_id)
        labels = _labels(files_of(connection, base.number))
    known_label(labels, person, base.version)
    if len(labels) == 1:
        erase(database, storage, recognizer_id)
    else:
        forget(database, storage, recognizer_id, person)


def remove_face(database: Database, storage: Storage, recognizer_id: str, example_id: str) -> Example:
    """Erase one face, with every version that was built with it; the person's only one is the person's end.

    Raises ``NotFound`` for one that is not there, else as ``newest_serving`` does.
    """
    known = examples(database, recognizer_id)
    example = next((example for example in known if example.id == example_id), None)
    if example is None:
        raise NotFound(_NO_FACE)
    if sum(other.person == example.person for other in known) == 1:
        remove_person(database, storage, recognizer_id, example.person)
        return example
    with database.write() as connection:
        hold_whole(connection, recognizer_id)
        base = _base(connection, recognizer_id)
        own = files_of(connection, base.number)
        file, index = _place(base, own, example_id)
        build, _ = next_version(connection, base, [file] if len(file.people) == 1 else [])
        copy = select(files.c.id).where(files.c.build == build, files.c.position == file.position)
        connection.execute(delete(faces).where(faces.c.file.in_(copy), faces.c.face == index))
        connection.execute(
            update(files).where(files.c.id.in_(copy), files.c.label == example.person).values(label=None)
        )
        _erase_built_with(connection, recognizer_id, file.content_hash, index, but=build)
        _begin(connection, recognizer_id, build)
    carry_out_at_once(database, storage)
    return example


def _find(connection: Connection, tenant: str, name: str) -> str | None:
    query = select(recognizers.c.id).where(recognizers.c.tenant == tenant, recognizers.c.name == name)
    query = query.where(recognizers.c.erased_at.is_(None)).order_by(recognizers.c.created_at.desc())
    return connection.scalar(query.limit(1))


def _now(connection: Connection, recognizer_id: str) -> Build:
    """What recognizes now, whatever is being made. Raises as ``newest_serving`` where nothing does."""
    return newest_that_recognizes(connection, recognizer_id) or newest_serving(connection, recognizer_id)


def _base(connection: Connection, recognizer_id: str) -> Build:
    """What the next version is made from. Raises as ``newest_serving`` does, and where it would supersede additions.

    Somebody who sent pictures was given that version's number, and waits for it.
    """
    base = newest_serving(connection, recognizer_id)
    was_sent = exists().where(files.c.build == base.number, files.c.since == base.version)
    waited_for = (builds.c.number == base.number) & builds.c.state.in_(OPEN_STATES) & ~builds.c.passing & was_sent
    if connection.scalar(select(builds.c.number).where(waited_for)) is not None:
        raise busy(base.version)
    return base


def _pipeline(base: Build) -> str | None:
    return base.manifest.pipeline_version if base.manifest else base.pipeline_version


def _labels(known: Sequence[File]) -> set[str]:
    return set[str]().union(*(file.labels for file in known))


def _as_known(person: str, known: Sequence[File]) -> str:
    """A label as the collection writes it already, maybe with other capitals."""
    return next((label for label in sorted(_labels(known)) if same_label(label, person)), person)


def _each_once(sent: Iterable[SentFace]) -> list[SentFace]:
    return list({(face.content_hash, face.face): face for face in sent}.values())


def _is_known(sent: SentFace, person: str, known: Sequence[File]) -> bool:
    """Whether a face stands for a person already. Raises ``Conflict`` where it stands for somebody else."""
    same = [face for file in known if file.content_hash == sent.content_hash for face in file.people]
    stands_for = {face.person for face in same if face.index == sent.face}
    if stands_for - {person}:
        raise Conflict(f"This face stands for {min(filter(None, stands_for))!r} already; delete it there first.")
    return bool(stands_for)


def _first_version(
    connection: Connection, admission: Admission, options: BuildOptions, pipeline_version: str
) -> tuple[str, int, int]:
    """A new recognizer's id, the number of its build, and its version."""
    recognizer_id = uuid.uuid4().hex
    insert_recognizer(connection, recognizer_id, admission, options)
    build = insert_build(connection, recognizer_id, 1, options)
    connection.execute(update(builds).where(builds.c.number == build).values(pipeline_version=pipeline_version))
    return recognizer_id, build, 1


def _insert(connection: Connection, build: int, version: int, person: str, new: Sequence[SentFace]) -> None:
    """Write down faces after the files that a version has already; they stand for a person."""
    last = connection.scalar(select(func.max(files.c.position)).where(files.c.build == build))
    for position, sent in enumerate(new, 0 if last is None else last + 1):
        row = {"build": build, "position": position, "name": sent.name, "label": person, "since": version}
        row |= {"content_hash": sent.content_hash, "state": FileState.ENCODED}
        row |= {"first_of_several": sent.image.first_of_several}
        file = connection.execute(insert(files).values(row).returning(files.c.id)).scalar_one()
        insert_faces(connection, build, file, sent.image.only({sent.face}).faces)
        connection.execute(update(faces).where(faces.c.file == file).values(person=person, choice=Choice.LABEL))


def _begin(connection: Connection, recognizer_id: str, build: int) -> None:
    """Let a version recognize from now on, and train it; what it and the newest that is ready leave no use for goes."""
    values = {"stand_in": asdict(UNTRAINED), "passing": True}
    connection.execute(update(builds).where(builds.c.number == build).values(values))
    own = builds.c.recognizer_id == recognizer_id
    ready = select(func.max(builds.c.number)).where(own, builds.c.state == BuildState.READY).scalar_subquery()
    is_superseded = builds.c.state.in_(OPEN_STATES) & (builds.c.number != build)
    erase_versions(connection, recognizer_id, is_superseded | (builds.c.passing & (builds.c.number < ready)))
    build_log.accepted(connection, build)
    tasks.train_if_encoded(connection, build)


def _erase_built_with(connection: Connection, recognizer_id: str, content_hash: str, index: int, but: int) -> None:
    """Erase the versions, ``but`` one, that were built with a face."""
    built = select(files.c.build).join(faces, faces.c.file == files.c.id)
    built = built.where(files.c.content_hash == content_hash, faces.c.face == index, faces.c.person.is_not(None))
    erase_versions(connection, recognizer_id, builds.c.number.in_(built) & (builds.c.number != but))


def _added(base: Build, known: Sequence[File], person: str, sent: Sequence[SentFace]) -> Added:
    places = {
        (file.content_hash, face.index): _example_id(base, file, face.index) for file in known for face in file.people
    }
    own = [Example(places[face.content_hash, face.face], person) for face in sent]
    return Added(base.recognizer_id, base.version, own)


def _examples(base: Build, known: Sequence[File]) -> list[Example]:
    return [
        Example(_example_id(base, file, face.index), face.person)
        for file in known
        for face in file.people
        if face.person is not None
    ]


def _place(base: Build, known: Sequence[File], example_id: str) -> tuple[File, int]:
    for file in known:
        for face in file.people:
            if _example_id(base, file, face.index) == example_id:
                return file, face.index
    raise NotFound(_NO_FACE)


def _example_id(base: Build, file: File, index: int) -> str:
    """A UUID, as other services have it, that stays the same in every version and is not given twice."""
    return str(uuid.uuid5(uuid.UUID(base.recognizer_id), f"{file.since}.{file.position}.{index}"))
