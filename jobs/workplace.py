"""What a working process has at hand."""

from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from typing import Any

from constants.settings import Settings
from features.database import Database
from jobs.storage import Storage
from jobs.table.migrating import migrate


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

    @classmethod
    def of(cls, settings: Settings) -> "Workplace":
        """The workplace that the settings describe, its folders and tables made, or brought up to this release.

        Raises ``OtherRelease`` for the data of a release that this one cannot go on with.
        """
        settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        database = Database(settings.database)
        try:
            migrate(database)  # first: the data of another release stay as they are
        except BaseException:
            database.close()
            raise
        storage = Storage(settings.data_dir)
        storage.make_folders()
        return cls(settings, database, storage)
