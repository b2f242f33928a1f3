"""A disk in memory that can be filled and freed at once."""

import ctypes
import os
import threading
from pathlib import Path

_LIBC = ctypes.CDLL(None, use_errno=True)
#: Flags of mount(2) and umount2(2).
_REMOUNT, _DETACH = 32, 2
#: Bytes that it has while it is not full. What is not used takes no memory.
_SIZE = 4 << 30
#: Seconds after which what was freed on a full disk is taken away again.
_AGAIN_S = 0.05


class SmallDisk:
    """A tmpfs at a folder.

    It is filled by taking away all that is not used, so that filling it takes no memory.
    """

    def __init__(self, folder: Path) -> None:
        """Mount it. Raises ``OSError`` where this user may not."""
        self._folder = folder
        folder.mkdir()
        self._mount(_SIZE, 0)
        self._freed = threading.Event()
        self._filler: threading.Thread | None = None

    def fill(self) -> None:
        """Keep it as full as it is, whatever is deleted from it."""
        self._freed.clear()
        self._filler = threading.Thread(target=self._keep_full, name="full disk")
        self._filler.start()

    def free(self) -> None:
        """Let it have room again."""
        self._freed.set()
        if self._filler is not None:
            self._filler.join()
        self._mount(_SIZE, _REMOUNT)

    def unmount(self) -> None:
        _LIBC.umount2(os.fsencode(self._folder), _DETACH)

    def _keep_full(self) -> None:
        while not self._freed.is_set():
            here = os.statvfs(self._folder)
            try:
                # A size of nothing would be no limit at all.
                self._mount(max(1, here.f_blocks - here.f_bfree) * here.f_frsize, _REMOUNT)
            except OSError:
                continue  # more was written meanwhile
            self._freed.wait(_AGAIN_S)

    def _mount(self, size: int, flags: int) -> None:
        folder = os.fsencode(self._folder)
        if _LIBC.mount(b"tmpfs", folder, b"tmpfs", flags, f"size={size},mode=0700".encode()):
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
