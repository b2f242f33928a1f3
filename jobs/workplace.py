"""What a working process has at hand."""

from concurrent.futures import Executor
from dataclasses import dataclass, field

from constants.settings import Settings
from features.database import Database
from jobs.executor import ImmediateExecutor
from jobs.storage import Storage


@dataclass(frozen=True)
class Workplace:
    """Settings, database and files of the service, and what runs the stages."""

    settings: Settings
    database: Database
    storage: Storage
    executor: Executor = field(default_factory=ImmediateExecutor)

    @classmethod
    def of(cls, settings: Settings) -> "Workplace":
        """The workplace that the settings describe; its folders and tables are made where they are missing."""
        storage = Storage(settings.data_dir)
        storage.make_folders()
        database = Database(settings.database)
        database.create_tables()
        return cls(settings, database, storage)
