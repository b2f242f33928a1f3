"""What is the machine's fault, and neither the task's nor the request's: no room, no memory, a locked database."""

import errno

from sqlalchemy.exc import InterfaceError, OperationalError

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


def is_machine_fault(error: BaseException) -> bool:
    """Whether an error, or what it was raised from, is of the machine's making."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, MemoryError | OperationalError | InterfaceError):
            return True
        if isinstance(cause, OSError) and cause.errno in _ERRNOS:
            return True
        cause = cause.__cause__
    return False
