"""What is the machine's fault, and no file's: no room, no memory, a device that fails."""

import errno

#: A full or read-only disk, a quota, a device that fails, no memory, no descriptors; the same may work in a moment.
_ERRNOS = frozenset(
    {
        errno.ENOSPC,
        errno.EDQUOT,
        errno.EFBIG,
        errno.EROFS,
        errno.EIO,
        errno.ENOMEM,
        errno.EMFILE,
        errno.ENFILE,
        errno.EAGAIN,
    }
)


def is_fault_of_system(error: BaseException) -> bool:
    """Whether an error by itself, whatever it was raised from, is of the operating system's making."""
    return isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno in _ERRNOS)


def comes_of_system(error: BaseException) -> bool:
    """Whether an error, or what it was raised from, is of the operating system's making."""
    cause: BaseException | None = error
    while cause is not None:
        if is_fault_of_system(cause):
            return True
        cause = cause.__cause__
    return False
