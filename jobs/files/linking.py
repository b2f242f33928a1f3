"""A file at several places, which takes its room once."""

import os
import shutil
from pathlib import Path


def link_or_copy(source: str | Path, target: str | Path) -> None:
    """Let a file be at another place as well: a copy, where its file system has no links.

    Raises ``FileNotFoundError`` where it is gone.
    """
    try:
        os.link(source, target)
    except FileNotFoundError:
        raise
    except OSError:
        shutil.copy2(source, target)
