"""Whoever is added is recognized as soon as the pictures are encoded: something stands in until it is trained."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict

from sqlalchemy import Connection, bindparam, func, select, update

from features.database import Database
from features.face_naming import NamedFace, named_faces
from features.store import Shelf, portions
from jobs.table import build_log
from jobs.table.builds import build_numbered, newest_that_recognizes
from jobs.table.holding import hold_build
from jobs.table.records import UNTRAINED, Build, File, StandIn, files_where
from jobs.table.tables import BuildState, Choice, FileState, builds, faces, files
from jobs.work.examining import pictures_of
from jobs.work.pulse import Step
from modelization.bundle.manifest import Manifest
from modelization.decision.calibration import GallerySize, moved_threshold
from modelization.decision.decision_rule import NETWORK, RULES
from modelization.decision.prior import prior_of

#: So long it may take to look at what was added: a hundred thousand pictures take half a minute.
_INTRODUCING = Step(180.0)


def introduce(database: Database, number: int) -> None:
    """Let the build of more people recognize from now on, where its pictures are encoded and it is being trained.

    Known at once are faces about which the training cannot find otherwise: each alone in its picture, which has a
    label. Which of several faces a label means, and whom one without a label shows, is known when all are compared; so
    is which labels are doubtful, and where these are to be left out, nobody is known at once. Done again it changes
    nothing.
    """
    _INTRODUCING()
    with database.read() as connection:
        build = build_numbered(connection, number)
        if build is None or not _waits(build):
            return
        sent = {file.id: file for file in _sure(connection, build)}
        new = named_faces(pictures_of(connection, _shelf(build), list(sent.values())))
    if not new:
        return
    with database.write() as connection:
        hold_build(connection, number)  # a training that ends meanwhile has named them, and needs no stand-in
        build = build_numbered(connection, number)
        if build is not None and _waits(build):
            _name(connection, new, sent)
            stand_in = asdict(_stand_in(connection, build, new))
            connection.execute(update(builds).where(builds.c.number == number).values(stand_in=stand_in))
            build_log.introduced(connection, number, len({face.person for face in new}), len(new))


def _waits(build: Build) -> bool:
    """Whether a version was made from another one, and recognizes nobody yet while it is trained."""
    is_trained = build.state == BuildState.TRAINING and build.pipeline_version is not None
    early = build.stand_in is None and not build.options.exclude_suspects
    return build.version > 1 and is_trained and early


def _shelf(build: Build) -> Shelf:
    return Shelf(build.tenant, build.pipeline_version or "")


def _sure(connection: Connection, build: Build) -> list[File]:
    """The files sent for a version of which no comparison with others can say more: one face, and one label."""
    own = (files.c.build == build.number) & (files.c.since == build.version)
    labelled = own & files.c.label.is_not(None) & (files.c.state == FileState.ENCODED)
    found = [file for file in files_where(connection, select(files.c.id).where(labelled)) if len(file.faces) == 1]
    repeated: set[str] = set()
    for some in portions({file.content_hash for file in found}):
        same = select(files.c.content_hash).where(files.c.build == build.number, files.c.content_hash.in_(some))
        repeated.update(connection.scalars(same.group_by(files.c.content_hash).having(func.count() > 1)))
    return [file for file in found if file.content_hash not in repeated]


def _name(connection: Connection, new: Sequence[NamedFace], sent: dict[int, File]) -> None:
    rows = [
        {
            "row": sent[named.picture.file].faces[0].id,
            "who": named.person,
            "how": Choice.LABEL if named.picture.box is None else Choice.BOX,
        }
        for named in new
    ]
    stands = update(faces).where(faces.c.id == bindparam("row"))
    connection.execute(stands.values(person=bindparam("who"), choice=bindparam("how")), rows)


def _stand_in(connection: Connection, build: Build, new: Sequence[NamedFace]) -> StandIn:
    """Judge as the version before does, with its threshold moved by what strangers score among more people."""
    base = newest_that_recognizes(connection, build.recognizer_id)
    before = base.manifest if base else None
    if before is None or before.threshold_logit is None or NETWORK in RULES[before.rule]:
        return UNTRAINED
    prior = prior_of(before.pipeline_version)
    sizes = _size(before), _size(before, (face.person for face in new))
    logit = moved_threshold(prior.rules[before.rule].tail, before.threshold_logit, *sizes, build.options.target_fpir)
    return StandIn(before.rule, before.threshold, logit)


def _size(before: Manifest, new: Iterable[str] = ()) -> GallerySize:
    """How many people there are, and how many faces each has, once ``new`` faces have joined them."""
    counts = Counter(dict(zip(before.labels, before.faces_per_person, strict=True)))
    counts.update(new)
    return GallerySize.of(counts.values())
