"""What every process of a service finds ready: folders, tables of this release, and the networks' graphs."""

from constants.exceptions import InvalidSettings
from constants.settings import Settings
from jobs.folder_lock import only_one
from jobs.snapshot import sweep_snapshot
from jobs.storage import Storage
from jobs.workplace import Workplace
from preprocessor.face_pipeline import prepare_graphs

#: Seconds that what is left of a service whose master was killed may take to end: more than its workers are given.
_STOPPING_S = 15.0


def prepare(settings: Settings) -> None:
    """Make them where they are missing, in a process of its own: it needs more memory than what runs afterwards.

    Raises ``InvalidSettings`` for a data folder that cannot be made, that another service uses, or that a restore left
    half-done, and ``OtherRelease`` as ``Workplace.of`` does.
    """
    try:
        settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        with only_one(settings, _STOPPING_S):
            _refuse_half_restored(settings)
            sweep_snapshot(settings.data_dir)
            Workplace.of(settings).database.close()
            prepare_graphs(settings)
    except OSError as error:
        raise InvalidSettings(
            f"The data folder {settings.data_dir} cannot be used: {error.strerror}. Set FACIAL_DATA_DIR to another one."
        ) from error


def _refuse_half_restored(settings: Settings) -> None:
    if Storage(settings.data_dir).is_half_restored:
        raise InvalidSettings(
            f"A restore into the data folder {settings.data_dir} was broken off: run it again, or empty the folder."
        )
