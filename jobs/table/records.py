"""What stands in the tables, as typed records; nothing else reads their rows."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from sqlalchemy import Connection, Row, Select, select

from constants.reasons import Reason
from features.store import QualityFeatures
from jobs.table.build_options import BuildOptions
from jobs.table.tables import BuildState, Choice, FileState, builds, faces, files, people, recognizers
from modelization.bundle.manifest import Manifest
from modelization.decision.decision_rule import NETWORK, THRESHOLD
from modelization.topology import Topology
from modelization.training_progress import FrontPoint, Progress, SearchProgress

#: Left, top, right, bottom in pixels of the picture as a person sees it.
Sides = tuple[float, float, float, float]


@dataclass(frozen=True)
class StandIn:
    """How faces are judged until a version is ready: by the name of a rule, from a confidence of ``threshold`` on.

    ``threshold_logit`` is the rule's own logit there; None where confidences are the rule's own (``Manifest``).
    The people are those for whom the faces of the version's build stand.
    """

    rule: str
    threshold: float
    threshold_logit: float | None = None


#: As for any rule that asks a network, by the learned one, with the prior's threshold for as many people as there are.
UNTRAINED = StandIn(NETWORK, THRESHOLD)


@dataclass(frozen=True)
class Build:
    """The build of one version of a recognizer; times are seconds since 1970.

    ``pipeline_version`` and ``topology`` are those of the version that this one was made from, if it was. ``bundle`` is
    the name of the finished bundle's file, ``bundle_sha256`` that of its content; until there is one, the ``stand_in``
    of some versions serves. Thumbnails are encrypted by ``thumbnail_key``; without one none are kept.
    """

    number: int
    recognizer_id: str
    version: int
    name: str
    tenant: str
    state: BuildState
    options: BuildOptions
    pipeline_version: str | None
    topology: Topology | None
    progress: Progress | None
    message: str
    created_at: float
    finished_at: float | None
    expires_at: float | None
    bundle: str | None
    bundle_sha256: str | None
    stand_in: StandIn | None
    thumbnail_key: bytes | None = field(repr=False)
    _manifest: dict[str, Any] | None

    @classmethod
    def of(cls, row: Row[Any]) -> "Build":
        """The record of a row of ``query_builds``."""
        return cls(
            number=row.number,
            recognizer_id=row.recognizer_id,
            version=row.version,
            name=row.name,
            tenant=row.tenant,
            state=BuildState(row.state),
            options=BuildOptions(**row.options),
            pipeline_version=row.pipeline_version,
            topology=Topology.from_json(row.topology) if row.topology else None,
            progress=_progress(row.progress) if row.progress else None,
            message=row.message,
            created_at=row.created_at,
            finished_at=row.finished_at,
            expires_at=row.expires_at,
            bundle=row.bundle,
            bundle_sha256=row.bundle_sha256,
            stand_in=StandIn(**row.stand_in) if row.stand_in else None,
            thumbnail_key=row.thumbnail_key,
            _manifest=row.manifest,
        )

    @cached_property
    def manifest(self) -> Manifest | None:
        """What the finished bundle says of itself; None before it is."""
        return Manifest.model_validate(self._manifest) if self._manifest is not None else None

    @property
    def recognizes(self) -> bool:
        """Whether faces can be judged by it."""
        return self.state == BuildState.READY or self.stand_in is not None

    @property
    def ready_manifest(self) -> Manifest:
        """The manifest of a build that is ready. Raises ``ValueError`` for any other."""
        if self.manifest is None:
            raise ValueError(f"build {self.number} has no bundle")
        return self.manifest


@dataclass(frozen=True)
class Face:
    """A face of a file: which of its picture's it is, where, whom it stands for, and what was found about it.

    ``near_duplicates`` are ids of files that show the same moment.
    """

    id: int
    file: int
    index: int
    box: Sides
    quality: QualityFeatures | None
    person: str | None
    choice: Choice | None
    wrong: float | None
    suspect: bool
    resembles: str | None
    near_duplicates: tuple[int, ...]

    @classmethod
    def of(cls, row: Row[Any]) -> "Face":
        """The record of a row of ``faces``."""
        measured = row.sharpness is not None
        return cls(
            id=row.id,
            file=row.file,
            index=row.face,
            box=(row.left, row.top, row.right, row.bottom),
            quality=QualityFeatures(row.sharpness, row.brightness, row.yaw, row.pitch) if measured else None,
            person=row.person,
            choice=Choice(row.choice) if row.choice else None,
            wrong=row.wrong,
            suspect=row.suspect,
            resembles=row.resembles,
            near_duplicates=tuple(row.near_duplicates),
        )


@dataclass(frozen=True)
class File:
    """A file of a build and the faces found in it; ``since`` is the version that it was sent for.

    ``first_of_several`` is whether it has other pictures that were not looked at.
    """

    id: int
    position: int
    name: str
    label: str | None
    box: Sides | None
    video: str | None
    content_hash: str
    state: FileState
    reason: Reason | None
    first_of_several: bool
    since: int
    faces: tuple[Face, ...]

    @classmethod
    def of(cls, row: Row[Any], found: Sequence[Face]) -> "File":
        """The record of a row of ``files``, with the faces ``found`` in it."""
        return cls(
            id=row.id,
            position=row.position,
            name=row.name,
            label=row.label,
            box=_sides(row.box) if row.box else None,
            video=row.video,
            content_hash=row.content_hash,
            state=FileState(row.state),
            reason=Reason(row.reason) if row.reason else None,
            first_of_several=row.first_of_several,
            since=row.since,
            faces=tuple(found),
        )

    @property
    def people(self) -> tuple[Face, ...]:
        """Those of its faces that stand for somebody."""
        return tuple(face for face in self.faces if face.person is not None)

    @property
    def labels(self) -> set[str]:
        """For whom its faces stand."""
        return {face.person for face in self.faces if face.person is not None}


@dataclass(frozen=True)
class Person:
    """Somebody whom a build was made of; ``typical`` is the id of the most typical face."""

    label: str
    faces: int
    suspects: int
    has_few: bool
    typical: int
    looks_like: tuple[str, ...]


#: The builds with the names, tenants and last times of their recognizers, as ``Build.of`` reads them.
query_builds = select(builds, recognizers.c.name, recognizers.c.tenant, recognizers.c.expires_at).join(
    recognizers, recognizers.c.id == builds.c.recognizer_id
)


def files_of(connection: Connection, build: int) -> list[File]:
    """The files of a build by their positions, each with its faces by their indices."""
    return files_where(connection, select(files.c.id).where(files.c.build == build))


def files_where(connection: Connection, ids: Select[Any]) -> list[File]:
    """The files whose ids a query gives, by their positions, each with its faces by their indices."""
    found: dict[int, list[Face]] = {}
    for row in connection.execute(select(faces).where(faces.c.file.in_(ids)).order_by(faces.c.face)):
        found.setdefault(row.file, []).append(Face.of(row))
    rows = connection.execute(select(files).where(files.c.id.in_(ids)).order_by(files.c.position))
    return [File.of(row, found.get(row.id, ())) for row in rows]


def people_of(connection: Connection, build: int) -> list[Person]:
    """The people of a build by their labels."""
    rows = connection.execute(select(people).where(people.c.build == build).order_by(people.c.label))
    return [Person(row.label, row.faces, row.suspects, row.has_few, row.typical, tuple(row.looks_like)) for row in rows]


def _progress(written: dict[str, Any]) -> Progress:
    search = written["search"]
    if search:
        front = tuple(FrontPoint(**point) for point in search.get("front", ()))
        search = SearchProgress(**search | {"front": front})
    return Progress(**written | {"search": search or None})


def _sides(written: Sequence[float]) -> Sides:
    left, top, right, bottom = written
    return left, top, right, bottom
