"""The lines of the log about builds: one for each step of a build's life, with numbers and without a name.

Each is written once the step is committed. What it is about, ``RECOGNIZER/VERSION``, is the same in all processes.
"""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from sqlalchemy import Connection, Row, case, func, select
from sqlalchemy.exc import SQLAlchemyError

from features.database import Database, at_commit
from jobs.table.tables import OPEN_STATES, BuildState, FileState, TaskKind, builds, faces, files, tasks
from logger import about, logger


def identity(recognizer_id: str, version: int) -> str:
    """What lines about a version are found by; those about its recognizer by the id alone."""
    return f"{recognizer_id}/{version}"


def identity_of(database: Database, build: int) -> str:
    """The same of the build of that number; of one that was deleted, or cannot be looked up now, the number."""
    query = select(builds.c.recognizer_id, builds.c.version).where(builds.c.number == build)
    try:
        with database.read() as connection:
            row = connection.execute(query).first()
    except SQLAlchemyError:
        row = None
    return f"build-{build}" if row is None else identity(row.recognizer_id, row.version)


def accepted(connection: Connection, build: int) -> None:
    """A build, with whatever it was sent or has from the version before, stands in the table."""
    _say(connection, build, "accepted: {files} files, {waiting} to be encoded, {refused} refused", {}, _files)


def retried(connection: Connection, build: int, pictures: int) -> None:
    """A build that had failed goes on, with so many pictures that had been given up."""
    _say(connection, build, "retried, with {pictures} pictures that were given up", {"pictures": pictures})


def begun(connection: Connection, build: int, kind: TaskKind, worker: str) -> None:
    """A training, or the first pictures of a build, are handed to a worker."""
    state = connection.scalar(select(builds.c.state).where(builds.c.number == build))
    if kind == TaskKind.TRAIN or state == BuildState.QUEUED:
        queued = select(func.min(tasks.c.queued_at)).where(tasks.c.build == build, tasks.c.kind == kind)
        numbers = {"work": kind, "worker": worker.partition(":")[0], "waited_s": _since(connection.scalar(queued))}
        _say(connection, build, "{work} begins in {worker}, after {waited_s:.1f} s", numbers)


def encoded(connection: Connection, build: int) -> None:
    """The last picture of a build is done."""
    message = "encoded: {faces} faces in {files} files, {refused} refused, {seconds:.1f} s"
    _say(connection, build, message, {}, _files, _faces, _age)


def introduced(connection: Connection, build: int, people: int, faces: int) -> None:
    """People who were added are recognized from now on, by what stands in for a build."""
    numbers = {"new_people": people, "new_faces": faces}
    _say(connection, build, "recognizes {new_people} people by {new_faces} new faces while it is trained", numbers)


def trained(recognizer_id: str, version: int, people: int, faces: int, seconds: float) -> None:
    """A recognizer is trained and its bundle written, but not published yet."""
    numbers = {"people": people, "faces": faces, "seconds": round(seconds, 3), "version": version}
    message = "trained: {people} people from {faces} faces in {seconds:.1f} s"
    _write(identity(recognizer_id, version), message, numbers)


def ended(connection: Connection, build: int, state: BuildState, manifest: dict[str, Any] | None = None) -> None:
    """A build ends; its training, whose tries are counted, must still stand in the table."""
    numbers, size = _tries(connection, build), "{faces} faces in {files} files"
    if manifest is not None:
        numbers |= {"people": len(manifest["labels"]), "learnt_faces": sum(manifest["faces_per_person"])}
        size = "{people} people from {learnt_faces} of " + size
    tries = "attempts {attempts}, interruptions {interruptions}, troubles {troubles}"
    message = f"{state}: {size}, {{refused}} refused, {{seconds:.1f}} s; {tries}"
    level = "WARNING" if state == BuildState.FAILED else "INFO"
    _say(connection, build, message, numbers, _files, _faces, _age, level=level)


def broken_off(connection: Connection, taken: Sequence[Row[Any]], ending: str) -> None:
    """Tasks that workers held are taken back, for how their work ended."""
    for (build, kind), number in Counter((task.build, task.kind) for task in taken).items():
        numbers = {"work": kind, "tasks": number, "ending": ending}
        _say(connection, build, "{work} broken off, {tasks} tasks: {ending}", numbers)


def given_up(connection: Connection, build: int) -> None:
    """A picture is given up; its build goes on without it."""
    _say(connection, build, "a picture was tried in vain and is given up", {}, level="WARNING")


def erased(connection: Connection, recognizer_id: str, numbers: Sequence[int], version: int | None = None) -> None:
    """Builds of a recognizer, or the one of a version, are about to be deleted; those not ended are cancelled."""
    unfinished = select(func.count()).where(builds.c.number.in_(numbers), builds.c.state.in_(OPEN_STATES))
    values = {"versions": len(numbers), "cancelled": connection.scalar(unfinished) or 0}
    name = recognizer_id if version is None else identity(recognizer_id, version)
    message = "erased: {versions} versions, {cancelled} of them unfinished"
    at_commit(connection, lambda _: partial(_write, name, message, values))


def nothing_left(connection: Connection, recognizer_id: str, version: int | None) -> None:
    """What was deleted of a recognizer, or of a version, was looked for and is gone."""
    name = recognizer_id if version is None else identity(recognizer_id, version)
    at_commit(connection, lambda _: partial(_write, name, "nothing of what was erased is left", {}))


def forgotten(connection: Connection, build: int, versions: int, forgotten_faces: int) -> None:
    """A person is forgotten, with versions that were built with the person; the build is of the one without."""
    numbers = {"versions": versions, "forgotten_faces": forgotten_faces}
    _say(connection, build, "a person is forgotten: {forgotten_faces} faces, {versions} versions", numbers)


#: Numbers of a build that are taken from the tables at the end of a transaction.
_Counts = Callable[[Connection, int], dict[str, Any]]


def _say(
    connection: Connection, build: int, message: str, numbers: dict[str, Any], *counts: _Counts, level: str = "INFO"
) -> None:
    query = select(builds.c.recognizer_id, builds.c.version).where(builds.c.number == build)
    recognizer_id, version = connection.execute(query).one()

    def look(connection: Connection) -> Callable[[], None]:
        found = numbers | {"version": version}
        for count in counts:
            found |= count(connection, build)
        return partial(_write, identity(recognizer_id, version), message, found, level)

    at_commit(connection, look)


def _write(name: str, message: str, numbers: dict[str, Any], level: str = "INFO") -> None:
    with about(name):
        logger.log(level, message, **numbers)


def _files(connection: Connection, build: int) -> dict[str, Any]:
    """How many files a build has, how many of them wait, and how many were refused."""
    query = select(
        func.count().label("files"),
        func.count(case((files.c.state == FileState.WAITING, 1))).label("waiting"),
        func.count(case((files.c.state == FileState.REJECTED, 1))).label("refused"),
    )
    return dict(connection.execute(query.where(files.c.build == build)).one()._mapping)


def _faces(connection: Connection, build: int) -> dict[str, Any]:
    return {"faces": connection.scalar(select(func.count()).where(faces.c.build == build)) or 0}


def _age(connection: Connection, build: int) -> dict[str, Any]:
    """Seconds since a build was accepted."""
    return {"seconds": _since(connection.scalar(select(builds.c.created_at).where(builds.c.number == build)))}


def _tries(connection: Connection, build: int) -> dict[str, Any]:
    """How often a build's training was broken off, and for what."""
    counts = (tasks.c.attempts, tasks.c.interruptions, tasks.c.troubles)
    query = select(*(func.coalesce(func.max(count), 0).label(count.name) for count in counts))
    query = query.where(tasks.c.build == build, tasks.c.kind == TaskKind.TRAIN)
    return dict(connection.execute(query).one()._mapping)


def _since(then: float | None) -> float:
    """Seconds that have gone by, by a clock that may have been set meanwhile."""
    return round(max(0.0, time.time() - then), 3) if then is not None else 0.0
