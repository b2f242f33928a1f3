"""The data folder is for its user alone: it is made so, or an older one is made so, or it is not used."""

import stat
from pathlib import Path

from constants.exceptions import InvalidSettings
from constants.settings import DATABASE_FILE

#: What only a data folder holds: any of it says that the folder is one.
_OURS = frozenset({DATABASE_FILE, "lock", "incoming", "images", "bundles", "dumps", "graphs"})
#: What a file system keeps in its topmost folder.
_NOTHING = frozenset({"lost+found"})
#: The rights of a group and of everybody else.
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def make_private(data_dir: Path) -> None:
    """Make a data folder that nobody else can look into; one that there is already is closed to others.

    Raises ``InvalidSettings`` where others can look into it and that cannot, or should not, be changed: it is somebody
    else's, or holds other things.
    """
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not _is_open(data_dir):
        return
    inside = [path for path in data_dir.iterdir() if path.name not in _NOTHING]
    if inside and _OURS.isdisjoint(path.name for path in inside):
        raise InvalidSettings(
            f"Others can look into the folder {data_dir}, and it holds other things: set FACIAL_DATA_DIR to a folder "
            "of its own, or close this one with chmod 700."
        )
    try:
        for path in (data_dir, *inside):
            if not path.is_symlink():
                path.chmod(stat.S_IMODE(path.stat().st_mode) & ~_OTHERS)
    except PermissionError as error:
        raise _not_closed(data_dir) from error
    if _is_open(data_dir):  # some file systems know no rights
        raise _not_closed(data_dir)


def _is_open(folder: Path) -> bool:
    return bool(folder.stat().st_mode & _OTHERS)


def _not_closed(data_dir: Path) -> InvalidSettings:
    return InvalidSettings(
        f"Others can look into the folder {data_dir}, and this user may not change that: set FACIAL_DATA_DIR to a "
        "folder in it, which is then made."
    )
