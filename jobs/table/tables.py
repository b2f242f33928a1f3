"""The tables of recognizers, their builds, a build's files, faces and people, tasks still to be done, and keys."""

import time
from enum import StrEnum

from sqlalchemy import JSON, BigInteger, Boolean, Column, Float, ForeignKey, Index, Integer, LargeBinary, String, Table

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


#: Whose everything is that was made without a key.
DEFAULT_TENANT = "default"

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


class Choice(StrEnum):
    """How a face was chosen to stand for its person."""

    #: The file's label says that the person is in the picture; it is the face that belongs with the person's others.
    LABEL = "label"
    #: A box that came with the label says where the person is.
    BOX = "box"
    #: It resembles the person's other faces; no label says so.
    RESEMBLANCE = "resemblance"
    #: A person said so, looking at the face.
    CORRECTION = "correction"


recognizers = Table(
    "recognizers",
    metadata,
    Column("id", String(32), primary_key=True),
    # Whose it is: nobody else learns that it exists.
    Column("tenant", String(64), nullable=False, default=DEFAULT_TENANT),
    # Of an erased recognizer only its id, tenant and these times are kept, so that it can be answered 410.
    Column("created_at", Float, nullable=False),
    Column("erased_at", Float),
    # When it is to erase itself.
    Column("expires_at", Float, index=True),
    Column("name", String, nullable=False, default=""),
    # The number of the newest version that ever was: numbers are not given twice.
    Column("versions", Integer, nullable=False, default=1),
    # The node whose data folder has its files, where no other node reaches them.
    Column("node", String(32)),
    Index("recognizers_of_tenant", "tenant"),
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
    # The published bundle: the name of its file, and the SHA-256 of its content.
    Column("bundle", String),
    Column("bundle_sha256", String(64)),
    Column("manifest", JSON),
    # What faces are judged by until it is ready, where no version before it may be: jobs.table.records.StandIn.
    Column("stand_in", JSON),
    # What its thumbnails are encrypted by (jobs.files.sealed), while it may have some.
    Column("thumbnail_key", LargeBinary),
    # Whether it was made of one change of a collection, and goes with the first one after a later one is ready.
    Column("passing", Boolean, nullable=False, default=False),
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
    # Whether it has other pictures, such as an animation's frames, that were not looked at.
    Column("first_of_several", Boolean, nullable=False, default=False),
    # The version that it was sent for; later versions have it from there.
    Column("since", Integer, nullable=False),
    Index("files_of_build", "build", "position", unique=True),
    Index("files_by_content", "content_hash"),
    sqlite_autoincrement=True,
)

#: The faces that were found in files. A face whose row is gone is forgotten, and its encoding with it unless another
#: build has the face too.
faces = Table(
    "faces",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("build", ForeignKey("builds.number"), nullable=False),
    Column("file", ForeignKey("files.id"), nullable=False),
    # Which of the picture's faces: the same in every build that has the picture.
    Column("face", Integer, nullable=False),
    # Pixels of the picture as a person sees it.
    Column("left", Float, nullable=False),
    Column("top", Float, nullable=False),
    Column("right", Float, nullable=False),
    Column("bottom", Float, nullable=False),
    # How well it can be seen; empty where that was not measured.
    Column("sharpness", Float),
    Column("brightness", Float),
    Column("yaw", Float),
    Column("pitch", Float),
    # Whom it stands for, and how it was chosen; both empty for a face that nothing is learnt from.
    Column("person", String),
    Column("choice", String),
    # What was found about a face that stands, or stood, for somebody: see features/doctor.py.
    Column("wrong", Float),
    Column("suspect", Boolean, nullable=False, default=False),
    Column("resembles", String),
    # Ids of the files that show the same moment.
    Column("near_duplicates", JSON, nullable=False, default=list),
    Index("faces_of_file", "file", "face", unique=True),
    Index("faces_of_build", "build", "person"),
    sqlite_autoincrement=True,
)

#: What was found about each person of a build: see features/doctor.py.
people = Table(
    "people",
    metadata,
    Column("build", ForeignKey("builds.number"), primary_key=True),
    Column("label", String, primary_key=True),
    Column("faces", Integer, nullable=False),
    Column("suspects", Integer, nullable=False),
    Column("has_few", Boolean, nullable=False),
    Column("typical", ForeignKey("faces.id"), nullable=False),
    # Labels that probably name the same person.
    Column("looks_like", JSON, nullable=False),
    # Else every face that is deleted would be looked for among all people, and their work grow with its square.
    Index("people_by_typical", "typical"),
)

tasks = Table(
    "tasks",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("build", ForeignKey("builds.number"), nullable=False),
    Column("kind", String, nullable=False),
    Column("file", ForeignKey("files.id")),
    Column("state", String, nullable=False, default=TaskState.QUEUED),
    Column("queued_at", Float, nullable=False, default=time.time),
    # How often it failed by itself: by a crash, a limit or an error of its own.
    Column("attempts", Integer, nullable=False, default=0),
    # How often it was broken off and nobody can say that it was its own doing.
    Column("interruptions", Integer, nullable=False, default=0),
    # How often the machine would not let it go on: a full disk, a locked database.
    Column("troubles", Integer, nullable=False, default=0),
    # The generation of a search that is kept: with each further one the counts above begin anew.
    Column("reached", Integer, nullable=False, default=0),
    # The lease: who holds the task, in which node, the token that its result must bring, and how often it was renewed.
    Column("node", String(32)),
    Column("worker", String),
    Column("token", String(32)),
    Column("renewals", Integer, nullable=False, default=0),
    Column("error", String),
    Index("tasks_to_claim", "kind", "state", "build", "id"),
    Index("tasks_of_build", "build"),
    Index("tasks_of_file", "file"),
    sqlite_autoincrement=True,
)

#: The machines, or data folders, at work on these tables: see jobs/processes/node_watch.py.
nodes = Table(
    "nodes",
    metadata,
    Column("id", String(32), primary_key=True),
    # The name of its machine, for people.
    Column("host", String, nullable=False),
    # How often it has said that it is there.
    Column("beats", BigInteger, nullable=False),
)

#: How often work was broken off, and how often for good, since the data folder was made.
broken_off = Table(
    "broken_off",
    metadata,
    Column("kind", String, primary_key=True),
    # jobs.table.tasks.Ending.
    Column("ending", String, primary_key=True),
    Column("number", Integer, nullable=False),
    Column("given_up", Integer, nullable=False),
)

#: How long finished work took, since the data folder was made: the buckets of a histogram.
durations = Table(
    "durations",
    metadata,
    Column("work", String, primary_key=True),
    # The bucket's upper bound in seconds, which may be infinite, and how many fell into it and into none below.
    Column("within_s", Float, primary_key=True),
    Column("number", Integer, nullable=False),
    # The sum of these.
    Column("seconds", Float, nullable=False),
)

#: Requests that named a key of their own, so that sending one again does nothing twice.
requests = Table(
    "requests",
    metadata,
    # SHA-256 of the key: clients may put anything into it.
    Column("key_hash", String(64), primary_key=True),
    # SHA-256 of what was asked for; empty once the recognizer is erased.
    Column("fingerprint", String(64)),
    Column("recognizer_id", ForeignKey("recognizers.id"), nullable=False),
    # The version that came of it.
    Column("version", Integer, nullable=False),
    Column("created_at", Float, nullable=False),
)

#: What was deleted, written down by the transaction that deleted it: nothing of it may be left anywhere.
erasures = Table(
    "erasures",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("recognizer_id", ForeignKey("recognizers.id"), nullable=False),
    # Empty where it is the whole recognizer.
    Column("version", Integer),
    # Whether the version stays, and only the pictures that it kept go.
    Column("only_pictures", Boolean, nullable=False),
    Column("requested_at", Float, nullable=False),
    # When it was found that nothing is left.
    Column("done_at", Float),
    Index("erasures_of_recognizer", "recognizer_id"),
    Index("erasures_to_do", "done_at"),
    sqlite_autoincrement=True,
)

#: Where files are shared: the nodes that have nothing left of what is still to be erased elsewhere.
erased_copies = Table(
    "erased_copies",
    metadata,
    Column("erasure", ForeignKey("erasures.id"), primary_key=True),
    Column("node", String(32), primary_key=True),
)

#: What may be among the objects and has no row yet: pictures that are just being sent; see jobs/table/objects.py.
objects = Table(
    "objects",
    metadata,
    # What their names begin with.
    Column("folder", String(64), primary_key=True),
    # Which node puts them, and the folder that the request holds there as long as it lives.
    Column("node", String(32), nullable=False),
    Column("holder", String(32), nullable=False),
)

#: Keys by which clients are known: see jobs/table/access_keys.py. What was once made stays, for the audit.
access_keys = Table(
    "access_keys",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("name", String(64), nullable=False),
    # SHA-256 of the key, which is kept nowhere.
    Column("key_hash", String(64), nullable=False),
    # Whose recognizers it opens.
    Column("tenant", String(64), nullable=False),
    # A list of jobs.table.access_keys.Scope.
    Column("scopes", JSON, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("expires_at", Float),
    # To the minute.
    Column("used_at", Float),
    Column("revoked_at", Float),
    Index("access_keys_by_name", "name", unique=True),
    Index("access_keys_by_hash", "key_hash", unique=True),
    sqlite_autoincrement=True,
)

#: What keys have used of their quotas: see jobs/table/quotas.py.
usage = Table(
    "usage",
    metadata,
    # The name of the key, or what stands for whoever needs none.
    Column("caller", String(64), primary_key=True),
    Column("what", String(32), primary_key=True),
    # When the window began that is counted in, in seconds since 1970.
    Column("since", Integer, nullable=False),
    Column("used", BigInteger, nullable=False),
)
