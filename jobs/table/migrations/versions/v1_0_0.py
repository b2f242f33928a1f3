"""Faces, people, requests, erasures, nodes and counters get tables; tasks say why they were tried, and since when."""

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "1.0.0"
down_revision = "0.9.0"

_FACE = ("left", "top", "right", "bottom", "sharpness", "brightness", "yaw", "pitch")
_SIDES = ("x_min", "y_min", "x_max", "y_max")
_ENCODED = ("encoded_images", "encoded_faces")
#: Whose everything is that was made before there were tenants.
_TENANT = "default"
_COUNTS = ("interruptions", "troubles", "reached", "renewals")


def upgrade() -> None:
    """Carry the tables over from 0.9.0."""
    _make_tables()
    connection = op.get_bind()
    with op.batch_alter_table("files") as batch:
        batch.add_column(sa.Column("since", sa.Integer, nullable=False, server_default="1"))
        batch.add_column(sa.Column("first_of_several", sa.Boolean, nullable=False, server_default=sa.false()))
    with op.batch_alter_table("recognizers") as batch:
        batch.add_column(sa.Column("tenant", sa.String(64), nullable=False, server_default=_TENANT))
    op.create_index("recognizers_of_tenant", "recognizers", ["tenant"])
    _carry_over_encodings(connection)
    _carry_over_files(connection)
    _keep_pipelines(connection)
    _carry_over_people(connection)
    with op.batch_alter_table("files") as batch:
        for name in ("faces", "people", "findings"):
            batch.drop_column(name)
        for name in ("since", "first_of_several"):
            batch.alter_column(name, server_default=None)
    with op.batch_alter_table("recognizers") as batch:
        batch.alter_column("tenant", server_default=None)
    with op.batch_alter_table("builds") as batch:
        batch.drop_column("people")
        batch.alter_column("dump_sha256", new_column_name="bundle_sha256")
        batch.add_column(sa.Column("bundle", sa.String))
        batch.add_column(sa.Column("stand_in", sa.JSON))
        batch.add_column(sa.Column("thumbnail_key", sa.LargeBinary))
        batch.add_column(sa.Column("passing", sa.Boolean, nullable=False, server_default=sa.false()))
    with op.batch_alter_table("builds") as batch:
        batch.alter_column("passing", server_default=None)
    with op.batch_alter_table("recognizers") as batch:
        batch.add_column(sa.Column("expires_at", sa.Float))
        batch.add_column(sa.Column("node", sa.String(32)))
        batch.create_index("ix_recognizers_expires_at", ["expires_at"])
    with op.batch_alter_table("tasks") as batch:
        batch.drop_column("lease_until")
        for name in _COUNTS:
            batch.add_column(sa.Column(name, sa.Integer, nullable=False, server_default="0"))
        batch.add_column(sa.Column("queued_at", sa.Float, nullable=False, server_default="0"))
        batch.add_column(sa.Column("node", sa.String(32)))
    op.create_index("tasks_of_file", "tasks", ["file"])
    # Whoever held one ended with the older release.
    op.execute("UPDATE tasks SET state = 'queued', worker = NULL, token = NULL WHERE state = 'leased'")
    op.execute("UPDATE tasks SET queued_at = (SELECT created_at FROM builds WHERE number = tasks.build)")
    with op.batch_alter_table("tasks") as batch:
        for name in (*_COUNTS, "queued_at"):
            batch.alter_column(name, server_default=None)
    op.execute("UPDATE builds SET bundle = version || '.zip' WHERE bundle_sha256 IS NOT NULL")


def _make_tables() -> None:
    op.create_table(
        "faces",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("build", sa.Integer, sa.ForeignKey("builds.number"), nullable=False),
        sa.Column("file", sa.Integer, sa.ForeignKey("files.id"), nullable=False),
        sa.Column("face", sa.Integer, nullable=False),
        *(sa.Column(name, sa.Float, nullable=False) for name in _FACE[:4]),
        *(sa.Column(name, sa.Float) for name in _FACE[4:]),
        sa.Column("person", sa.String),
        sa.Column("choice", sa.String),
        sa.Column("wrong", sa.Float),
        sa.Column("suspect", sa.Boolean, nullable=False),
        sa.Column("resembles", sa.String),
        sa.Column("near_duplicates", sa.JSON, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("faces_of_file", "faces", ["file", "face"], unique=True)
    op.create_index("faces_of_build", "faces", ["build", "person"])
    op.create_table(
        "people",
        sa.Column("build", sa.Integer, sa.ForeignKey("builds.number"), primary_key=True),
        sa.Column("label", sa.String, primary_key=True),
        sa.Column("faces", sa.Integer, nullable=False),
        sa.Column("suspects", sa.Integer, nullable=False),
        sa.Column("has_few", sa.Boolean, nullable=False),
        sa.Column("typical", sa.Integer, sa.ForeignKey("faces.id"), nullable=False),
        sa.Column("looks_like", sa.JSON, nullable=False),
    )
    op.create_index("people_by_typical", "people", ["typical"])
    op.create_table(
        "nodes",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("host", sa.String, nullable=False),
        sa.Column("beats", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "broken_off",
        sa.Column("kind", sa.String, primary_key=True),
        sa.Column("ending", sa.String, primary_key=True),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("given_up", sa.Integer, nullable=False),
    )
    op.create_table(
        "durations",
        sa.Column("work", sa.String, primary_key=True),
        sa.Column("within_s", sa.Float, primary_key=True),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("seconds", sa.Float, nullable=False),
    )
    op.create_table(
        "requests",
        sa.Column("key_hash", sa.String(64), primary_key=True),
        sa.Column("fingerprint", sa.String(64)),
        sa.Column("recognizer_id", sa.String(32), sa.ForeignKey("recognizers.id"), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("created_at", sa.Float, nullable=False),
    )
    op.create_table(
        "erasures",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("recognizer_id", sa.String(32), sa.ForeignKey("recognizers.id"), nullable=False),
        sa.Column("version", sa.Integer),
        sa.Column("only_pictures", sa.Boolean, nullable=False),
        sa.Column("requested_at", sa.Float, nullable=False),
        sa.Column("done_at", sa.Float),
        sqlite_autoincrement=True,
    )
    op.create_index("erasures_of_recognizer", "erasures", ["recognizer_id"])
    op.create_index("erasures_to_do", "erasures", ["done_at"])
    op.create_table(
        "erased_copies",
        sa.Column("erasure", sa.Integer, sa.ForeignKey("erasures.id"), primary_key=True),
        sa.Column("node", sa.String(32), primary_key=True),
    )
    op.create_table(
        "objects",
        sa.Column("folder", sa.String(64), primary_key=True),
        sa.Column("node", sa.String(32), nullable=False),
        sa.Column("holder", sa.String(32), nullable=False),
    )
    op.create_table(
        "access_keys",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("key_hash", sa.String(64), nullable=False),
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("scopes", sa.JSON, nullable=False),
        sa.Column("created_at", sa.Float, nullable=False),
        *(sa.Column(name, sa.Float) for name in ("expires_at", "used_at", "revoked_at")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "usage",
        sa.Column("caller", sa.String(64), primary_key=True),
        sa.Column("what", sa.String(32), primary_key=True),
        sa.Column("since", sa.Integer, nullable=False),
        sa.Column("used", sa.BigInteger, nullable=False),
    )
    op.create_index("access_keys_by_name", "access_keys", ["name"], unique=True)
    op.create_index("access_keys_by_hash", "access_keys", ["key_hash"], unique=True)


def _tables(connection: sa.Connection, *names: str) -> list[sa.Table]:
    """Tables as they stand now; JSON columns are read as JSON."""
    metadata = sa.MetaData()
    return [sa.Table(name, metadata, autoload_with=connection) for name in names]


def _carry_over_encodings(connection: sa.Connection) -> None:
    """Encodings get a tenant, which is a part of what they are found by, and a picture says how many faces it has.

    What encoded them looked for every face that it could find, and did not ask whether a file has several pictures.
    """
    for name in _ENCODED:
        op.rename_table(name, f"{name}_before")
    old_images, old_faces = _tables(connection, *(f"{name}_before" for name in _ENCODED))
    images = op.create_table(
        "encoded_images",
        sa.Column("tenant", sa.String(64), primary_key=True),
        sa.Column("content_hash", sa.String(64), primary_key=True),
        sa.Column("pipeline_version", sa.String, primary_key=True),
        *(sa.Column(name, sa.Integer, nullable=False) for name in ("width", "height", "faces")),
        *(sa.Column(name, sa.Boolean, nullable=False) for name in ("every_face", "first_of_several")),
    )
    faces = op.create_table(
        "encoded_faces",
        sa.Column("tenant", sa.String(64), primary_key=True),
        sa.Column("content_hash", sa.String(64), primary_key=True),
        sa.Column("pipeline_version", sa.String, primary_key=True),
        sa.Column("face", sa.Integer, primary_key=True),
        *(sa.Column(name, sa.Float, nullable=False) for name in (*_FACE[:4], "score")),
        *(sa.Column(name, sa.LargeBinary, nullable=False) for name in ("landmarks", "encoding")),
        *(sa.Column(name, sa.Float) for name in _FACE[4:]),
    )
    number = sa.select(sa.func.count()).where(
        old_faces.c.content_hash == old_images.c.content_hash,
        old_faces.c.pipeline_version == old_images.c.pipeline_version,
    )
    whose = sa.literal(_TENANT)
    more_of_images = [number.scalar_subquery(), sa.true(), sa.false()]
    for table, old, more in ((images, old_images, more_of_images), (faces, old_faces, [])):
        names = ["tenant", *old.c.keys(), *(["faces", "every_face", "first_of_several"] if more else [])]
        connection.execute(sa.insert(table).from_select(names, sa.select(whose, *old.c, *more)))
    for name in _ENCODED:
        op.drop_table(f"{name}_before")


def _keep_pipelines(connection: sa.Connection) -> None:
    """Builds that are under way go on with the pipeline that has encoded their first pictures."""
    builds, files, images = _tables(connection, "builds", "files", "encoded_images")
    begun = (
        sa.select(sa.func.max(images.c.pipeline_version))
        .join(files, files.c.content_hash == images.c.content_hash)
        .where(files.c.build == builds.c.number)
        .scalar_subquery()
    )
    under_way = builds.c.pipeline_version.is_(None) & builds.c.state.in_(("queued", "encoding", "training"))
    connection.execute(sa.update(builds).where(under_way).values(pipeline_version=begun))


def _carry_over_files(connection: sa.Connection) -> None:
    """Every face of every file; a file was sent for the first version that has it."""
    builds, files, faces = _tables(connection, "builds", "files", "faces")
    query = sa.select(files, builds.c.recognizer_id, builds.c.version, builds.c.options)
    query = query.join(builds, builds.c.number == files.c.build).order_by(builds.c.version, files.c.position)
    since: dict[tuple[str, int], int] = {}
    by_position: dict[int, dict[int, int]] = {}
    rows = connection.execute(query).all()
    for row in rows:
        since.setdefault((row.recognizer_id, row.position), row.version)
        by_position.setdefault(row.build, {})[row.position] = row.id
    for row in rows:
        first = since[row.recognizer_id, row.position]
        connection.execute(sa.update(files).where(files.c.id == row.id).values(since=first))
        found = list(_faces(connection, row, by_position[row.build]))
        if found:
            connection.execute(sa.insert(faces), found)


def _faces(connection: sa.Connection, row: sa.Row[Any], by_position: dict[int, int]) -> Iterator[dict[str, Any]]:
    """The faces of a file: as its findings have them or, while there are none, as the store of encodings has them."""
    person = {taken["face"]: taken["person"] for taken in row.people or ()}
    for face in row.findings or _stored(connection, row):
        place = face["face"]
        named = person.get(place)
        yield {
            "build": row.build,
            "file": row.id,
            "face": place,
            **dict(zip(_FACE[:4], (face["box"][side] for side in _SIDES), strict=True)),
            **(face["quality"] or dict.fromkeys(_FACE[4:])),
            "person": named,
            "choice": None if named is None else _choice(row, named),
            "wrong": face["wrong"],
            "suspect": face["suspect"],
            "resembles": face["resembles"],
            "near_duplicates": [by_position[near] for near in face["near_duplicates"] if near in by_position],
        }


def _choice(row: sa.Row[Any], person: str) -> str:
    if row.label != person:
        return "resemblance"
    return "label" if row.box is None else "box"


def _stored(connection: sa.Connection, row: sa.Row[Any]) -> Iterator[dict[str, Any]]:
    """The faces that the store has of a file which was encoded and not yet looked at, by the newest pipeline."""
    (stored,) = _tables(connection, "encoded_faces")
    if row.state != "encoded":
        return
    query = sa.select(stored).where(stored.c.content_hash == row.content_hash)
    found = connection.execute(query.order_by(stored.c.pipeline_version, stored.c.face)).all()
    for face in found:
        if face.pipeline_version == found[-1].pipeline_version:
            yield {
                "face": face.face,
                "box": dict(zip(_SIDES, (face.left, face.top, face.right, face.bottom), strict=True)),
                "quality": {name: getattr(face, name) for name in _FACE[4:]},
                "wrong": None,
                "suspect": False,
                "resembles": None,
                "near_duplicates": [],
            }


def _carry_over_people(connection: sa.Connection) -> None:
    builds, files, faces, people = _tables(connection, "builds", "files", "faces", "people")
    for build in connection.execute(sa.select(builds.c.number, builds.c.people)).all():
        query = sa.select(files.c.position, faces.c.face, faces.c.id).join(faces, faces.c.file == files.c.id)
        places = {
            (position, index): face
            for position, index, face in connection.execute(query.where(files.c.build == build.number))
        }
        rows = [
            person | {"build": build.number, "typical": places[tuple(person["typical"])]}
            for person in build.people or ()
            if tuple(person["typical"]) in places
        ]
        if rows:
            connection.execute(sa.insert(people), rows)
