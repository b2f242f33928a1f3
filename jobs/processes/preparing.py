"""What every process of a service finds ready: folders, tables of this release, and the networks' graphs."""

import os
import socket

from constants.addresses import is_loopback
from constants.exceptions import InvalidSettings
from constants.settings import Settings
from jobs.files.private_folder import make_private
from jobs.files.storage import Storage
from jobs.folder_lock import STOPPING_S, only_one
from jobs.processes.sockets import address
from jobs.snapshot import sweep_snapshot
from jobs.table import access_keys
from jobs.work.cluster import Cluster
from jobs.workplace import Workplace, opened_workplace, usable_data_folder
from preprocessor.face_pipeline import prepare_graphs

#: Seconds that the workers of a cluster have to say what they are.
_JUDGED_S = 5.0
#: Where uWSGI says how often it has started anew; it keeps its socket then.
_RELOADS = "UWSGI_RELOADS"


def prepare(settings: Settings) -> None:
    """Make them where they are missing, in a process of its own: it needs more memory than what runs afterwards.

    Raises ``InvalidSettings`` for a data folder that another service uses, or that a restore left half-done, for files'
    other place that cannot be used, for an address that others can reach while there is no key, or that cannot be
    listened on, and for a cluster whose workers have another release; else as ``opened_workplace`` does.
    """
    with usable_data_folder(settings):
        make_private(settings.data_dir)
        address(settings.data_dir, "clients")  # said now where there can be none
        with only_one(settings, STOPPING_S):
            _refuse_half_restored(settings)
            sweep_snapshot(settings.data_dir)
            with opened_workplace(settings) as workplace:
                _refuse_strangers(workplace)
                workplace.storage.shared.store.check()
            if os.environ.get(_RELOADS, "0") == "0":
                _refuse_address(settings)
            _refuse_other_releases(settings)
            _sweep_graphs(settings)
            prepare_graphs(settings)


def _sweep_graphs(settings: Settings) -> None:
    """Delete what processes that were killed left of graphs: nobody else writes there now."""
    for part in (settings.data_dir / "graphs").glob(".*.part"):
        part.unlink(missing_ok=True)


def _refuse_strangers(workplace: Workplace) -> None:
    """Raise ``InvalidSettings`` where everybody could use the service."""
    host = workplace.settings.host
    if not is_loopback(host) and not access_keys.are_in_use(workplace.database):
        raise InvalidSettings(
            f"FACIAL_HOST is {host!r}, which others can reach, and there is no key yet. Make the first one in the same "
            "data folder, python run.py keys create --name NAME --scope build,recognize (with Docker: docker run --rm "
            "--volume facial:/data facial python run.py keys create …), or set FACIAL_HOST to 127.0.0.1."
        )


def _refuse_other_releases(settings: Settings) -> None:
    """Raise ``InvalidSettings`` where the cluster has a worker that cannot be used; one that is away may come later."""
    if settings.cluster:
        cluster = Cluster(settings.cluster)
        cluster.look(_JUDGED_S)
        refusals = cluster.refusals
        cluster.close()
        if refusals:
            raise InvalidSettings("\n".join(refusals))


def _refuse_address(settings: Settings) -> None:
    """Raise ``InvalidSettings`` where uWSGI could not listen, which says so less plainly, or would listen nowhere."""
    family = socket.AF_INET6 if settings.host.startswith("[") else socket.AF_INET
    try:
        socket.create_server((settings.host.strip("[]"), settings.port), family=family).close()
    except OSError as error:
        why = str(error.strerror).partition(" (while")[0]
        raise InvalidSettings(
            f"Nothing can listen on {settings.host}:{settings.port}: {why}. Set FACIAL_HOST to an address of this "
            "machine (of IPv6 in brackets), and FACIAL_PORT to a port that is free."
        ) from error


def _refuse_half_restored(settings: Settings) -> None:
    if Storage(settings.data_dir).is_half_restored:
        raise InvalidSettings(
            f"A restore into the data folder {settings.data_dir} was broken off: run it again, or empty the folder."
        )
