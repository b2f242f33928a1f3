"""Encodings, kept by the hash of the picture's content and the version of the pipeline, for each tenant apart.

That something is kept already would else tell one tenant what another one has sent.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt
from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    Connection,
    Float,
    Integer,
    LargeBinary,
    Row,
    String,
    Table,
    delete,
    func,
    insert,
    select,
    tuple_,
)

from features.database import Held, hold, metadata

#: Keys named in one statement; databases limit how many values a statement may carry.
_KEYS_PER_STATEMENT = 500

_Key = TypeVar("_Key", str, int, tuple[str, int])

encoded_images = Table(
    "encoded_images",
    metadata,
    Column("tenant", String(64), primary_key=True),
    Column("content_hash", String(64), primary_key=True),
    Column("pipeline_version", String, primary_key=True),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    # How many were found in it; some may have been forgotten since.
    Column("faces", Integer, nullable=False),
    # Whether every face was looked for; else only as far as it takes to find one person's.
    Column("every_face", Boolean, nullable=False),
    # Whether its file has other pictures, such as an animation's frames, that were not looked at.
    Column("first_of_several", Boolean, nullable=False, default=False),
)

encoded_faces = Table(
    "encoded_faces",
    metadata,
    Column("tenant", String(64), primary_key=True),
    Column("content_hash", String(64), primary_key=True),
    Column("pipeline_version", String, primary_key=True),
    Column("face", Integer, primary_key=True),
    Column("left", Float, nullable=False),
    Column("top", Float, nullable=False),
    Column("right", Float, nullable=False),
    Column("bottom", Float, nullable=False),
    Column("score", Float, nullable=False),
    Column("landmarks", LargeBinary, nullable=False),
    Column("encoding", LargeBinary, nullable=False),
    # Of how well the face can be seen; empty where that was not measured.
    Column("sharpness", Float),
    Column("brightness", Float),
    Column("yaw", Float),
    Column("pitch", Float),
)


class Shelf(NamedTuple):
    """Where encodings are kept: whose they are, and which version of the pipeline made them."""

    tenant: str
    pipeline_version: str

    def holds(self, table: Table) -> ColumnElement[bool]:
        """What is true of a table's rows that are here."""
        return (table.c.tenant == self.tenant) & (table.c.pipeline_version == self.pipeline_version)


class QualityFeatures(NamedTuple):
    """How well a face can be seen: sharpness 0 to 1, brightness 0 to 255, angles in degrees."""

    sharpness: float
    brightness: float
    yaw: float
    pitch: float


@dataclass(frozen=True, eq=False)
class FaceFeatures:
    """What is kept of a face: box (left, top, right, bottom) and landmarks (n, 2) in pixels, encoding (128,).

    ``quality`` is None where it was not measured. ``index`` is which of its picture's faces it is, and stays the same
    when others of them are forgotten.
    """

    box: tuple[float, float, float, float]
    score: float
    landmarks: npt.NDArray[np.float32]
    encoding: npt.NDArray[np.float32]
    quality: QualityFeatures | None = None
    index: int = 0


@dataclass(frozen=True, eq=False)
class ImageFeatures:
    """What is kept of a picture: its sides in pixels and its faces.

    Without ``every_face`` it was searched as far as it takes to find one person's. What a search for every face finds
    begins with the same ones, so that a face's index stays what it is. ``first_of_several`` is whether its file has
    other pictures that were not looked at.
    """

    width: int
    height: int
    faces: tuple[FaceFeatures, ...]
    every_face: bool = True
    first_of_several: bool = False

    def only(self, indices: Collection[int]) -> "ImageFeatures":
        """The picture with those of its faces alone."""
        if all(face.index in indices for face in self.faces):
            return self
        return replace(self, faces=tuple(face for face in self.faces if face.index in indices))


def hold_shelf(connection: Connection, tenant: str, shared: bool = False) -> None:
    """Let nobody else change what is kept of a tenant's pictures, or, ``shared``, nobody delete any of it.

    Held, before anything of a recognizer or build, by whoever adds to it, or deletes what nothing needs any more.
    """
    hold(connection, Held.SHELF, tenant, shared=shared)


def put(connection: Connection, shelf: Shelf, images: Mapping[str, ImageFeatures]) -> None:
    """Keep the features of whole pictures under their content hashes; what is already there stays as it is.

    A picture that was searched for one person's face gives way to the same one searched for every face. The shelf is
    held by the caller.
    """
    hold(connection, Held.CONTENT, *(f"{shelf.tenant}/{content_hash}" for content_hash in images))
    known = _whole(connection, shelf, images)
    finished = _whole(connection, shelf, images, every_face=True)
    missing = {
        hash_: image for hash_, image in images.items() if hash_ not in (finished if image.every_face else known)
    }
    if not missing:
        return
    # What is left of a picture some of whose faces were forgotten gives way to the whole one.
    for table in (encoded_faces, encoded_images):
        for some in portions(missing):
            connection.execute(delete(table).where(shelf.holds(table), table.c.content_hash.in_(some)))
    connection.execute(
        insert(encoded_images),
        [
            shelf._asdict()
            | {"content_hash": hash_, "width": image.width, "height": image.height}
            | {"faces": len(image.faces), "every_face": image.every_face, "first_of_several": image.first_of_several}
            for hash_, image in missing.items()
        ],
    )
    rows = [
        shelf._asdict() | {"content_hash": hash_, "face": index} | _columns(face)
        for hash_, image in missing.items()
        for index, face in enumerate(image.faces)
    ]
    if rows:
        connection.execute(insert(encoded_faces), rows)


def get(connection: Connection, shelf: Shelf, hashes: Collection[str]) -> dict[str, ImageFeatures]:
    """What is kept of those pictures that are on a shelf."""
    found: dict[str, ImageFeatures] = {}
    for some in portions(hashes):
        faces: dict[str, list[FaceFeatures]] = {}
        for row in connection.execute(_chosen(encoded_faces, shelf, some).order_by(encoded_faces.c.face)):
            faces.setdefault(row.content_hash, []).append(_face(row))
        for row in connection.execute(_chosen(encoded_images, shelf, some)):
            own = tuple(faces.get(row.content_hash, ()))
            found[row.content_hash] = ImageFeatures(row.width, row.height, own, row.every_face, row.first_of_several)
    return found


def get_whole(
    connection: Connection, shelf: Shelf, hashes: Collection[str], every_face: bool = True
) -> dict[str, ImageFeatures]:
    """The features of those pictures of which all that was found is kept: these need not be encoded again.

    With ``every_face`` of those alone that every face was looked for in.
    """
    return get(connection, shelf, _whole(connection, shelf, hashes, every_face))


def present(connection: Connection, shelf: Shelf, hashes: Collection[str]) -> set[str]:
    """Those of the hashes whose pictures are on a shelf."""
    return {
        row.content_hash
        for some in portions(hashes)
        for row in connection.execute(_chosen(encoded_images, shelf, some))
    }


def holds_any(connection: Connection, tenant: str, hashes: Collection[str]) -> bool:
    """Whether any of these pictures' features are kept, of whatever version of the pipeline."""
    query = select(encoded_images.c.content_hash).where(encoded_images.c.tenant == tenant).limit(1)
    return any(connection.scalar(query.where(encoded_images.c.content_hash.in_(some))) for some in portions(hashes))


def erase(connection: Connection, tenant: str, hashes: Collection[str]) -> None:
    """Forget these pictures' features, of every version of the pipeline."""
    for some in portions(hashes):
        for table in (encoded_faces, encoded_images):
            connection.execute(delete(table).where(table.c.tenant == tenant, table.c.content_hash.in_(some)))


def erase_faces(connection: Connection, tenant: str, faces: Collection[tuple[str, int]]) -> None:
    """Forget faces, each by its picture's content hash and its index there, of every version of the pipeline."""
    place = tuple_(encoded_faces.c.content_hash, encoded_faces.c.face)
    for some in portions(faces):
        connection.execute(delete(encoded_faces).where(encoded_faces.c.tenant == tenant, place.in_(some)))


def _whole(connection: Connection, shelf: Shelf, hashes: Collection[str], every_face: bool = False) -> set[str]:
    """Those of the hashes whose pictures' faces are all kept, with ``every_face`` of those so searched."""
    kept = (
        select(func.count())
        .where(
            encoded_faces.c.tenant == encoded_images.c.tenant,
            encoded_faces.c.content_hash == encoded_images.c.content_hash,
            encoded_faces.c.pipeline_version == encoded_images.c.pipeline_version,
        )
        .scalar_subquery()
    )
    return {
        row.content_hash
        for some in portions(hashes)
        for row in connection.execute(_chosen(encoded_images, shelf, some).where(encoded_images.c.faces == kept))
        if row.every_face or not every_face
    }


def _chosen(table: Table, shelf: Shelf, hashes: Collection[str]) -> Any:
    return select(table).where(shelf.holds(table), table.c.content_hash.in_(hashes))


def portions(keys: Collection[_Key]) -> Iterator[list[_Key]]:
    """Keys by so many as a statement may name, in order."""
    ordered = sorted(keys)
    for start in range(0, len(ordered), _KEYS_PER_STATEMENT):
        yield ordered[start : start + _KEYS_PER_STATEMENT]


def _columns(face: FaceFeatures) -> dict[str, Any]:
    return dict(zip(("left", "top", "right", "bottom"), face.box, strict=True)) | {
        "score": face.score,
        "landmarks": np.asarray(face.landmarks, "<f4").tobytes(),
        "encoding": np.asarray(face.encoding, "<f4").tobytes(),
        # Every row of a statement has the same columns, so that what was not measured is written as well.
        **(face.quality._asdict() if face.quality else dict.fromkeys(QualityFeatures._fields)),
    }


def _face(row: Row[Any]) -> FaceFeatures:
    return FaceFeatures(
        (row.left, row.top, row.right, row.bottom),
        row.score,
        np.frombuffer(row.landmarks, "<f4").reshape(-1, 2),
        np.frombuffer(row.encoding, "<f4"),
        None if row.sharpness is None else QualityFeatures(row.sharpness, row.brightness, row.yaw, row.pitch),
        row.face,
    )
