"""The tables of release 0.9.0, the first that are carried over."""

import sqlalchemy as sa
from alembic import op

revision = "0.9.0"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    _make_store()
    op.create_table(
        "recognizers",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("created_at", sa.Float, nullable=False),
        sa.Column("erased_at", sa.Float),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("versions", sa.Integer, nullable=False),
    )
    op.create_table(
        "builds",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("recognizer_id", sa.String(32), sa.ForeignKey("recognizers.id"), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("options", sa.JSON, nullable=False),
        sa.Column("pipeline_version", sa.String),
        sa.Column("topology", sa.JSON),
        sa.Column("progress", sa.JSON),
        sa.Column("message", sa.String, nullable=False),
        sa.Column("created_at", sa.Float, nullable=False),
        sa.Column("finished_at", sa.Float),
        sa.Column("dump_sha256", sa.String(64)),
        sa.Column("manifest", sa.JSON),
        sa.Column("people", sa.JSON),
        sqlite_autoincrement=True,
    )
    op.create_index("builds_of_recognizer", "builds", ["recognizer_id", "version"], unique=True)
    op.create_table(
        "files",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("build", sa.Integer, sa.ForeignKey("builds.number"), nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("label", sa.String),
        sa.Column("box", sa.JSON),
        sa.Column("video", sa.String(64)),
        sa.Column("content_hash", sa.String(64), nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("reason", sa.String),
        sa.Column("faces", sa.Integer),
        sa.Column("people", sa.JSON),
        sa.Column("findings", sa.JSON),
        sqlite_autoincrement=True,
    )
    op.create_index("files_of_build", "files", ["build", "position"], unique=True)
    op.create_index("files_by_content", "files", ["content_hash"])
    op.create_table(
        "tasks",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("build", sa.Integer, sa.ForeignKey("builds.number"), nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("file", sa.Integer, sa.ForeignKey("files.id")),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("worker", sa.String),
        sa.Column("token", sa.String(32)),
        sa.Column("lease_until", sa.Float),
        sa.Column("error", sa.String),
        sqlite_autoincrement=True,
    )
    op.create_index("tasks_to_claim", "tasks", ["kind", "state", "build", "id"])
    op.create_index("tasks_of_build", "tasks", ["build"])


def _make_store() -> None:
    """The tables of encodings."""
    op.create_table(
        "encoded_images",
        sa.Column("content_hash", sa.String(64), primary_key=True),
        sa.Column("pipeline_version", sa.String, primary_key=True),
        sa.Column("width", sa.Integer, nullable=False),
        sa.Column("height", sa.Integer, nullable=False),
    )
    op.create_table(
        "encoded_faces",
        sa.Column("content_hash", sa.String(64), primary_key=True),
        sa.Column("pipeline_version", sa.String, primary_key=True),
        sa.Column("face", sa.Integer, primary_key=True),
        sa.Column("left", sa.Float, nullable=False),
        sa.Column("top", sa.Float, nullable=False),
        sa.Column("right", sa.Float, nullable=False),
        sa.Column("bottom", sa.Float, nullable=False),
        sa.Column("score", sa.Float, nullable=False),
        sa.Column("landmarks", sa.LargeBinary, nullable=False),
        sa.Column("encoding", sa.LargeBinary, nullable=False),
        sa.Column("sharpness", sa.Float),
        sa.Column("brightness", sa.Float),
        sa.Column("yaw", sa.Float),
        sa.Column("pitch", sa.Float),
    )
