"""What was deleted, until nothing of it is left: written down with the deletion, and gone on with after a crash."""

import time
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection, Row, delete, exists, insert, select, update

from constants.exceptions import NotFound
from features.database import Database, upsert
from jobs import audit_file
from jobs.audit_file import SERVICE, Entry
from jobs.files.storage import Storage
from jobs.machine_faults import is_machine_fault
from jobs.table import build_log, tasks
from jobs.table.nodes import is_within_reach
from jobs.table.objects import written_down
from jobs.table.tables import erased_copies, erasures, nodes, recognizers
from logger import logger


class ErasureState(StrEnum):
    """Whether something of what was deleted may still be on the disk."""

    PENDING = "pending"
    DONE = "done"


@dataclass(frozen=True)
class Erasure:
    """A recognizer, one ``version`` of it, or only the pictures that this one kept; times are seconds since 1970."""

    id: int
    recognizer_id: str
    version: int | None
    only_pictures: bool
    requested_at: float
    done_at: float | None

    @classmethod
    def of(cls, row: Row[tuple[object, ...]]) -> "Erasure":
        """The record of a row of ``erasures``."""
        return cls(**row._mapping)

    @property
    def state(self) -> ErasureState:
        return ErasureState.PENDING if self.done_at is None else ErasureState.DONE


def request_erasure(
    connection: Connection, recognizer_id: str, version: int | None = None, only_pictures: bool = False
) -> int:
    """Write down, in the transaction that deletes it, what is to be erased; gives the number of the erasure."""
    values = {
        "recognizer_id": recognizer_id,
        "version": version,
        "only_pictures": only_pictures,
        "requested_at": time.time(),
    }
    return int(connection.execute(insert(erasures).values(values).returning(erasures.c.id)).scalar_one())


def of_recognizer(database: Database, recognizer_id: str) -> list[Erasure]:
    """All erasures of a recognizer, of its versions and of their pictures, the oldest first, even once it is gone.

    Raises ``NotFound`` for an id that never was.
    """
    query = select(erasures).where(erasures.c.recognizer_id == recognizer_id).order_by(erasures.c.id)
    with database.read() as connection:
        if connection.scalar(select(recognizers.c.id).where(recognizers.c.id == recognizer_id)) is None:
            raise NotFound("There is no recognizer with this id; use the id that /build_recognizer gave.")
        return [Erasure.of(row) for row in connection.execute(query)]


def outcome(connection: Connection, numbers: Collection[int]) -> tuple[ErasureState, float | None]:
    """Whether all those erasures are done, and when the last of them was."""
    times = connection.scalars(select(erasures.c.done_at).where(erasures.c.id.in_(numbers))).all()
    if any(done_at is None for done_at in times):
        return ErasureState.PENDING, None
    return ErasureState.DONE, max(times)


def carry_out(database: Database, storage: Storage) -> None:
    """Erase what is pending in this node, and write down what was found to be gone; what is left is tried again later.

    Nothing is gone for good while somebody reads the database as it was before, takes a snapshot of it, or trains what
    was cancelled meanwhile; nor, where files are shared, while another node has not found the same of its own copies.
    """
    query = select(erasures).join(recognizers, recognizers.c.id == erasures.c.recognizer_id)
    query = query.where(erasures.c.done_at.is_(None), is_within_reach(storage.node))
    with database.read() as connection:
        pending = [Erasure.of(row) for row in connection.execute(query)]
        being_put = written_down(connection) if pending else set()
    may_come_back = bool(pending) and _may_come_back(database, storage)  # asked first: then nobody writes any more
    for erasure in pending:
        _delete_files(storage, erasure)
    being_put_of = {folder.split("/")[1] for folder in being_put}
    gone = [
        erasure
        for erasure in pending
        if not may_come_back and erasure.recognizer_id not in being_put_of and not _is_left(storage, erasure)
    ]
    if gone and database.forget_deleted():
        with database.write() as connection:
            everywhere = _gone_everywhere(connection, storage, [erasure.id for erasure in gone])
            done = update(erasures).where(erasures.c.id.in_(everywhere))
            done = done.where(erasures.c.done_at.is_(None)).values(done_at=time.time())
            noted = set(connection.scalars(done.returning(erasures.c.id)))  # not by another process at this moment
            for erasure in gone:
                if erasure.id not in noted:
                    continue
                build_log.nothing_left(connection, erasure.recognizer_id, erasure.version)
                # Before it counts as done: what cannot be written down is found to be gone once more.
                audit_file.append(storage.data_dir, _gone(erasure))


def _gone_everywhere(connection: Connection, storage: Storage, numbers: Collection[int]) -> Collection[int]:
    """Those of some erasures, of which nothing is left here, of which no other node has anything left either."""
    if not (storage.is_shared and storage.node):
        return numbers
    mine = select(erased_copies.c.erasure).where(erased_copies.c.node == storage.node)
    for number in set(numbers).difference(connection.scalars(mine)):  # the others wait, and nothing is written again
        row = {"erasure": number, "node": storage.node}
        connection.execute(upsert(connection, erased_copies, row, row))
    without = select(erased_copies.c.node).where(erased_copies.c.erasure == erasures.c.id)
    is_waited_for = exists().where(nodes.c.id != storage.node, nodes.c.id.not_in(without))
    everywhere = connection.scalars(select(erasures.c.id).where(erasures.c.id.in_(numbers), ~is_waited_for)).all()
    connection.execute(delete(erased_copies).where(erased_copies.c.erasure.in_(everywhere)))
    return everywhere


def carry_out_at_once(database: Database, storage: Storage) -> None:
    """Likewise, for whoever has just deleted something: where the machine does not let it, the service's sweep does."""
    try:
        carry_out(database, storage)
    except Exception as error:
        if not is_machine_fault(error):
            raise
        logger.warning("what was deleted is erased later: {}", type(error).__name__)


def _gone(erasure: Erasure) -> Entry:
    numbers = {} if erasure.version is None else {"version": erasure.version}
    return Entry(SERVICE, "erased", recognizer=erasure.recognizer_id, numbers=numbers)


def _may_come_back(database: Database, storage: Storage) -> bool:
    """Whether a snapshot has what was deleted, or a training that was cancelled may still write of it."""
    trainings = storage.trainings()
    with database.read() as connection:
        return storage.snapshot.exists() or not trainings <= tasks.tokens(connection)


def _delete_files(storage: Storage, erasure: Erasure) -> None:
    if erasure.version is None:
        storage.erase(erasure.recognizer_id)
    elif erasure.only_pictures:
        storage.erase_pictures(erasure.recognizer_id, erasure.version)
    else:
        storage.erase_version(erasure.recognizer_id, erasure.version)


def _is_left(storage: Storage, erasure: Erasure) -> bool:
    if erasure.version is None:
        return storage.has_any(erasure.recognizer_id)
    if erasure.only_pictures:
        return storage.has_pictures(erasure.recognizer_id, erasure.version)
    return storage.has_version(erasure.recognizer_id, erasure.version)
