"""The faces of files, written down as they are found and carried from version to version."""

from collections.abc import Sequence

import numpy as np
from sqlalchemy import Connection, insert, literal, select

from features.store import FaceFeatures, QualityFeatures, Shelf, encoded_faces
from features.training_set import TrainingSet, assemble
from jobs.table.tables import faces, files


def insert_faces(connection: Connection, build: int, file: int, found: Sequence[FaceFeatures]) -> None:
    """Write down the faces found in a file; they stand for nobody yet."""
    rows = [
        {"build": build, "file": file, "face": face.index}
        | dict(zip(("left", "top", "right", "bottom"), face.box, strict=True))
        # Every row of a statement has the same columns, so that what was not measured is written as well.
        | (face.quality._asdict() if face.quality else dict.fromkeys(QualityFeatures._fields))
        for face in found
    ]
    if rows:
        connection.execute(insert(faces), rows)


def copy_faces(connection: Connection, base: int, build: int) -> None:
    """Give the files of a new build the faces of the base's files at the same positions, and whom these stand for.

    What was found about a face is of the older build alone, and is found anew.
    """
    kept = ("face", "left", "top", "right", "bottom", *QualityFeatures._fields, "person", "choice")
    old, new = files.alias(), files.alias()
    query = (
        select(literal(build), new.c.id, *(faces.c[name] for name in kept))
        .join(old, old.c.id == faces.c.file)
        .join(new, (new.c.build == build) & (new.c.position == old.c.position))
        .where(faces.c.build == base)
        .order_by(new.c.id, faces.c.face)
    )
    connection.execute(insert(faces).from_select(["build", "file", *kept], query))


def known_faces(connection: Connection, build: int, shelf: Shelf) -> TrainingSet:
    """The faces of a build that stand for somebody already. Raises ``BuildFailed`` where there are none.

    Nothing else of them is read: there may be a hundred thousand.
    """
    encoded = encoded_faces.c
    same_face = (encoded.content_hash == files.c.content_hash) & (encoded.face == faces.c.face)
    query = (
        select(faces.c.person, files.c.content_hash, faces.c.face, encoded.encoding)
        .join(files, files.c.id == faces.c.file)
        .join(encoded_faces, same_face & shelf.holds(encoded_faces))
        .where(faces.c.build == build, faces.c.person.is_not(None))
    )
    return assemble(
        (person, f"{content_hash}:{face}", np.frombuffer(encoding, "<f4"))
        for person, content_hash, face, encoding in connection.execute(query)
    )
