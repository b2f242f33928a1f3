"""What a working process has at hand."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.exc import DBAPIError

from constants.exceptions import InvalidSettings
from constants.settings import Settings
from features.database import PATIENCE_S, Database, nameable
from jobs.files.object_store import open_store
from jobs.files.private_folder import make_private
from jobs.files.storage import Storage
from jobs.machine_faults import is_machine_fault, words_of
from jobs.node_identity import node_of
from jobs.table.migrating import migrate
from logger import logger

#: Seconds between two tries to open a workplace.
_PAUSE_S = 1.0


class ImmediateExecutor(Executor):
    """An executor that runs a stage at once, in the caller's thread: a worker is a process of its own already."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """A future that is already done."""
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


@dataclass(frozen=True)
class Workplace:
    """Settings, database and files of the service, and what runs the stages."""

    settings: Settings
    database: Database
    storage: Storage
    executor: Executor = field(default_factory=ImmediateExecutor)

    @property
    def node(self) -> str:
        """Which of the nodes at work on the database this is; empty where there can be no other."""
        return self.storage.node

    @property
    def home(self) -> str | None:
        """The node that alone reaches the files that are kept here; None where there is no other, or all of them do."""
        return None if self.storage.is_shared else self.node or None

    @classmethod
    def of(cls, settings: Settings, patience_s: float = PATIENCE_S) -> "Workplace":
        """The workplace that the settings describe, its folders and tables made, or brought up to this release.

        ``patience_s`` is how long it waits for a locked database. Raises ``OtherRelease`` for the data of a release
        that this one cannot go on with, and as ``make_private`` does.
        """
        make_private(settings.data_dir)
        objects = open_store(settings.storage_url)
        database = Database(settings.database, patience_s)
        try:
            migrate(database)  # first: the data of another release stay as they are
        except BaseException:
            database.close()
            raise
        node = node_of(settings.data_dir) if database.is_shared else ""
        storage = Storage(settings.data_dir, node, objects)
        storage.make_folders()
        return cls(settings, database, storage)

    @classmethod
    def patiently(cls, settings: Settings, patience_s: float = PATIENCE_S) -> "Workplace":
        """Likewise, tried again for as long as the machine is at fault: a process that ends helps nobody."""
        while True:
            try:
                return cls.of(settings, patience_s)
            except Exception as error:
                if not is_machine_fault(error):
                    raise
                logger.warning("waiting for the machine: {}", type(error).__name__)
                time.sleep(_PAUSE_S)


@contextmanager
def opened_workplace(settings: Settings) -> Iterator[Workplace]:
    """The workplace that the settings describe, for a while.

    Raises ``InvalidSettings`` for a data folder that cannot be made or used, else as ``Workplace.of`` does.
    """
    with usable_data_folder(settings):
        workplace = Workplace.of(settings)
        try:
            yield workplace
        finally:
            workplace.database.close()


@contextmanager
def usable_data_folder(settings: Settings) -> Iterator[None]:
    """Say in a sentence what is wrong with the data folder, or with the database, in place of the machine's own words.

    Raises ``InvalidSettings`` for what cannot be used.
    """
    try:
        yield
    except OSError as error:
        raise InvalidSettings(
            f"The data folder {settings.data_dir} cannot be used: {error.strerror}. Set FACIAL_DATA_DIR to another one."
        ) from error
    except DBAPIError as error:
        raise InvalidSettings(
            f"The database {nameable(settings.database)} cannot be used: {words_of(error)}. "
            "See that it is there, or set FACIAL_DATABASE_URL to another one."
        ) from error
