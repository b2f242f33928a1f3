"""The tables of recognizers, their builds, the files of a build and the tasks still to be done."""

from enum import StrEnum

from sqlalchemy import JSON, Column, Float, ForeignKey, Index, Integer, String, Table

from features.database import metadata


class BuildState(StrEnum):
    """Where a build stands; the last three are final, and what is cancelled is erased."""

    QUEUED = "queued"
    ENCODING = "encoding"
    TRAINING = "training"
    READY = "ready"
    #: Of a dry run: nothing was to be trained.
    EXAMINED = "examined"
    FAILED = "failed"


#: The states of a build in which there is still something to do.
OPEN_STATES = (BuildState.QUEUED, BuildState.ENCODING, BuildState.TRAINING)


class TaskKind(StrEnum):
    """What is to be done; each kind has its own workers."""

    ENCODE = "encode"
    TRAIN = "train"


class TaskState(StrEnum):
    """A task waits, or is held by a worker, or has been given up; a finished one is deleted."""

    QUEUED = "queued"
    LEASED = "leased"
    DEAD = "dead"


class FileState(StrEnum):
    """What became of a file."""

    WAITING = "waiting"
    ENCODED = "encoded"
    REJECTED = "rejected"


recognizers = Table(
    "recognizers",
    metadata,
    Column("id", String(32), primary_key=True),
    # Of an erased recognizer only its id and these two times are kept, so that it can be answered 410.
    Column("created_at", Float, nullable=False),
    Column("erased_at", Float),
    Column("name", String, nullable=False, default=""),
    # The number of the newest version that ever was: numbers are not given twice.
    Column("versions", Integer, nullable=False, default=1),
)

builds = Table(
    "builds",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("recognizer_id", ForeignKey("recognizers.id"), nullable=False),
    Column("version", Integer, nullable=False),
    Column("state", String, nullable=False),
    Column("options", JSON, nullable=False),
    # Of a version made from an older one: the pipeline of its encodings, whatever the settings are by now.
    Column("pipeline_version", String),
    # Likewise its head's topology: what a search found once is not searched for again.
    Column("topology", JSON),
    # How far the training is, modelization.training_progress.Progress.
    Column("progress", JSON),
    Column("message", String, nullable=False, default=""),
    Column("created_at", Float, nullable=False),
    Column("finished_at", Float),
    Column("dump_sha256", String(64)),
    Column("manifest", JSON),
    # What was found about each person, see jobs/work/examining.py.
    Column("people", JSON),
    Index("builds_of_recognizer", "recognizer_id", "version", unique=True),
    sqlite_autoincrement=True,
)

files = Table(
    "files",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("build", ForeignKey("builds.number"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("name", String, nullable=False),
    Column("label", String),
    # Left, top, right, bottom in pixels: where the person is, if the label says so.
    Column("box", JSON),
    # The content hash of the video that the picture is a frame of.
    Column("video", String(64)),
    Column("content_hash", String(64), nullable=False),
    Column("state", String, nullable=False),
    Column("reason", String),
    Column("faces", Integer),
    # Who the faces are taken for: [{"face": index, "person": label}]; null before that is known.
    Column("people", JSON),
    # What was found about each face, see jobs/work/examining.py.
    Column("findings", JSON),
    Index("files_of_build", "build", "position", unique=True),
    Index("files_by_content", "content_hash"),
    sqlite_autoincrement=True,
)

tasks = Table(
    "tasks",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("build", ForeignKey("builds.number"), nullable=False),
    Column("kind", String, nullable=False),
    Column("file", ForeignKey("files.id")),
    Column("state", String, nullable=False, default=TaskState.QUEUED),
    Column("attempts", Integer, nullable=False, default=0),
    # The lease: who holds the task, the token that its result must bring, and until when.
    Column("worker", String),
    Column("token", String(32)),
    Column("lease_until", Float),
    Column("error", String),
    Index("tasks_to_claim", "kind", "state", "build", "id"),
    Index("tasks_of_build", "build"),
    sqlite_autoincrement=True,
)
