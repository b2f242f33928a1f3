"""Forgetting one person: the faces, every version that was built with them, and what else may show the person."""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection, Row, select, update

from constants.exceptions import Conflict
from constants.faces import ENCODING_SIZE
from constants.reasons import Reason
from features import store
from features.database import Database
from features.lookalikes import may_be_of
from features.store import ImageFeatures
from jobs.storage import Storage
from jobs.table import tasks
from jobs.table.contents import rows_of
from jobs.table.tables import FileState, builds, files
from jobs.versions.erasing import erase_builds, forget_unneeded, needed
from jobs.versions.growing import kept, known_label, latest, next_version
from jobs.versions.smaller_pictures import Faces, SmallerPicture, without

_Rows = Sequence[Row[Any]]
_Smaller = Mapping[str, SmallerPicture]


@dataclass(frozen=True)
class Receipt:
    """What was erased of a person, and the ``version`` that is being made without.

    ``versions`` were built with the person and are gone. ``files`` are those of which something was erased, ``faces``
    the number of faces in them. ``kept`` are files whose faces stay, because another recognizer was sent them too.
    """

    id: str
    label: str
    version: int
    versions: tuple[int, ...]
    files: tuple[str, ...]
    faces: int
    kept: tuple[str, ...]
    erased_at: float


def forget(database: Database, storage: Storage, recognizer_id: str, label: str) -> Receipt:
    """Erase a person's faces and every version built with them, and accept a version without the person.

    Faces that stand for nobody go as well, where they may be the person's or are in a picture that was sent for the
    person; in a picture that shows others too, those stay. What another recognizer was sent is that one's, and stays.
    Kept pictures of all these versions are deleted. Raises ``Conflict`` where fewer than two people would be left,
    else as ``latest`` and ``known_label`` do.
    """
    with database.write() as connection:
        base = latest(connection, recognizer_id)
        person = known_label(base, label)
        _refuse_last_two(base, person)
        versions = _versions(connection, recognizer_id)
        erased = _built_with(versions, person, _standing_for(versions[base.version], person))
        rows = [row for one in versions.values() for row in one]
        gone, smaller = _to_erase(connection, base, versions, erased, person)
        elsewhere = needed(connection, gone, besides=recognizer_id)
        build, version = next_version(connection, base, _without_person(versions[base.version], person, smaller))
        reduced = [one for one in versions.keys() - set(erased) if _make_smaller(connection, versions[one], smaller)]
        erase_builds(connection, [versions[one][0].build for one in erased])
        forget_unneeded(connection, {*gone, *(picture.content_hash for picture in smaller.values())})
        tasks.train_if_encoded(connection, build)
    for one in erased:
        storage.erase_version(recognizer_id, one)
    for one in reduced:
        storage.erase_images(recognizer_id, one)
    database.forget_deleted()
    return Receipt(
        id=recognizer_id,
        label=person,
        version=version,
        versions=tuple(erased),
        files=_names(rows, gone.keys() - elsewhere),
        faces=sum(len(faces) for content, faces in gone.items() if content not in elsewhere),
        kept=_names(rows, elsewhere),
        erased_at=time.time(),
    )


def _refuse_last_two(base: Row[Any], person: str) -> None:
    if len(base.manifest["labels"]) < 3:
        raise Conflict(
            f"Without {person!r} only one person would be left, and a recognizer needs at least two; "
            "delete the recognizer, which forgets everybody."
        )


def _versions(connection: Connection, recognizer_id: str) -> dict[int, _Rows]:
    """The files of every version."""
    query = select(builds.c.version, builds.c.number).where(builds.c.recognizer_id == recognizer_id)
    found = connection.execute(query.order_by(builds.c.version)).all()
    return {one.version: rows_of(connection, one.number) for one in found}


def _standing_for(rows: Iterable[Row[Any]], person: str | None = None) -> Faces:
    """The faces that stand for a person, or for anybody."""
    found: Faces = {}
    for row in rows:
        for taken in row.people or ():
            if person in (None, taken["person"]):
                found.setdefault(row.content_hash, set()).add(taken["face"])
    return found


def _built_with(versions: Mapping[int, _Rows], person: str, own: Faces) -> list[int]:
    """The versions in which a person's faces stand for somebody, whatever it is called, or which have its label."""
    found = []
    for version, rows in versions.items():
        taken = _standing_for(rows)
        uses = any(own[content] & taken.get(content, set()) for content in own)
        if uses or any(row.label == person for row in rows):
            found.append(version)
    return found


def _to_erase(
    connection: Connection, base: Row[Any], versions: Mapping[int, _Rows], erased: Sequence[int], person: str
) -> tuple[Faces, _Smaller]:
    """The faces that go, and what is left of their pictures, which is put into the store."""
    pipeline = base.manifest["pipeline_version"]
    rows = [row for one in versions.values() for row in one]
    features = store.get(connection, pipeline, {row.content_hash for row in rows})
    own = _standing_for(versions[base.version], person)
    staying = [row for version, one in versions.items() if version not in erased for row in one]
    somebodys = _standing_for([*versions[base.version], *staying])
    sent_for = {row.content_hash for row in rows if row.label == person}
    gone = _with_lookalikes(features, own, somebodys, sent_for)
    smaller = {content: without(content, features[content], faces) for content, faces in gone.items()}
    store.put(connection, pipeline, {one.content_hash: one.image for one in smaller.values() if one.index})
    return gone, smaller


def _with_lookalikes(features: Mapping[str, ImageFeatures], own: Faces, somebodys: Faces, sent_for: set[str]) -> Faces:
    """The person's own faces, and those that are nobody's and may be the person's."""
    nobodys = [
        (content, index)
        for content, image in features.items()
        for index in range(len(image.faces))
        if index not in somebodys.get(content, ())
    ]
    known = [(content, index) for content, faces in own.items() for index in faces]
    alike = may_be_of(_encodings(features, nobodys), _encodings(features, known))
    gone = {content: set(faces) for content, faces in own.items()}
    for (content, index), is_alike in zip(nobodys, alike, strict=True):
        if is_alike or content in sent_for:
            gone.setdefault(content, set()).add(index)
    return gone


def _encodings(features: Mapping[str, ImageFeatures], faces: Sequence[tuple[str, int]]) -> npt.NDArray[np.float32]:
    found = [features[content].faces[index].encoding for content, index in faces]
    return np.stack(found) if found else np.empty((0, ENCODING_SIZE), np.float32)


def _without_person(rows: _Rows, person: str, smaller: _Smaller) -> list[dict[str, Any]]:
    """The columns of the files of the next version; those in which nobody else is left are not among them."""
    columns = []
    for row in rows:
        one = kept(row) | {"people": [taken for taken in row.people or () if taken["person"] != person]}
        if row.content_hash in smaller:
            one |= smaller[row.content_hash].columns(one["people"])
        was_sent_for = row.label == person
        if was_sent_for:
            one["label"] = None
        if not (was_sent_for and not one["people"]) and not (row.state == FileState.ENCODED and one["faces"] == 0):
            columns.append(one)
    return columns


def _make_smaller(connection: Connection, rows: _Rows, smaller: _Smaller) -> bool:
    """Take the faces that go out of a version that was built without them; whether it had any."""
    found = [(row, smaller[row.content_hash]) for row in rows if row.content_hash in smaller]
    for row, picture in found:
        columns = picture.columns(row.people or ()) | {"findings": picture.moved(row.findings or ())}
        if row.state == FileState.ENCODED and not picture.index:
            columns |= {"state": FileState.REJECTED, "reason": Reason.NO_FACE}
        connection.execute(update(files).where(files.c.id == row.id).values(columns))
    if found:
        _move_typical_faces(connection, rows[0].build, {row.position: picture for row, picture in found})
    return bool(found)


def _move_typical_faces(connection: Connection, build: int, smaller: Mapping[int, SmallerPicture]) -> None:
    people = connection.scalar(select(builds.c.people).where(builds.c.number == build)) or []
    moved = []
    for person in people:
        position, face = person["typical"]
        place = smaller[position].index[face] if position in smaller else face
        moved.append(person | {"typical": [position, place]})
    connection.execute(update(builds).where(builds.c.number == build).values(people=moved))


def _names(rows: Iterable[Row[Any]], contents: Iterable[str]) -> tuple[str, ...]:
    """The names of the files with those contents, each once, in their order."""
    wanted = set(contents)
    return tuple(dict.fromkeys(row.name for row in rows if row.content_hash in wanted))
