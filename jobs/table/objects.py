"""Pictures that become objects before what they are sent for is accepted: written down before the first is there."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, delete, insert, select

from features.database import Database
from jobs.files.storage import Storage
from jobs.machine_faults import is_machine_fault
from jobs.node_identity import node_of
from jobs.table.tables import objects
from logger import logger


@contextmanager
def put_ahead(
    database: Database, storage: Storage, pictures: Mapping[int, Path], recognizer_id: str, version: int
) -> Iterator[None]:
    """Let a version's pictures, by position, be objects within, where ``accept`` is to be called as they are accepted.

    They lie in a folder that the request holds among those that are incoming. On an error nothing of them stays, at
    once or by a sweep, unless they were accepted all the same.
    """
    if not storage.is_shared or not pictures:
        yield
        return
    folder = _folder(storage, recognizer_id, version)
    holder = next(iter(pictures.values())).parent.name
    with database.write() as connection:
        connection.execute(insert(objects).values(folder=folder, node=node_of(storage.data_dir), holder=holder))
    try:
        storage.shared.put_pictures(recognizer_id, version, pictures)
        yield
    except BaseException:
        _try_to_retract(database, storage, folder)
        raise


def accept(connection: Connection, storage: Storage, recognizer_id: str, version: int) -> None:
    """Let the pictures of a version stay, as they have rows from this transaction on."""
    if storage.is_shared:
        connection.execute(delete(objects).where(objects.c.folder == _folder(storage, recognizer_id, version)))


def written_down(connection: Connection) -> set[str]:
    """The folders of the objects whose pictures are just being sent."""
    return set(connection.scalars(select(objects.c.folder)))


def sweep_objects(database: Database, storage: Storage) -> None:
    """Delete what requests of this node left among the objects whose processes ended."""
    if not storage.is_shared:
        return
    mine = select(objects).where(objects.c.node == node_of(storage.data_dir))
    with database.read() as connection:
        rows = connection.execute(mine).all()
    for row in rows:
        if not (storage.incoming / row.holder).exists():
            _retract(database, storage, row.folder)


def _retract(database: Database, storage: Storage, folder: str) -> None:
    """Delete pictures that nobody puts any more, unless they were accepted: then the row is gone that tells of them."""
    with database.read() as connection:
        if folder not in written_down(connection):
            return
    store = storage.shared.store
    store.delete(store.names(f"{folder}/"))
    with database.write() as connection:
        connection.execute(delete(objects).where(objects.c.folder == folder))


def _try_to_retract(database: Database, storage: Storage, folder: str) -> None:
    try:
        _retract(database, storage, folder)
    except Exception as error:
        if not is_machine_fault(error):
            raise
        logger.warning("pictures that were not accepted are deleted later: {}", type(error).__name__)


def _folder(storage: Storage, recognizer_id: str, version: int) -> str:
    return storage.shared.name(storage.image_folder(recognizer_id, version))
