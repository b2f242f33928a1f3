"""What is the machine's fault, and neither the task's nor the request's: no room, no memory, a locked database."""

import errno

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from zmq import ZMQError

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

#: Errors that say by such a number what the system refused.
_NUMBERED = (OSError, ZMQError)


def is_machine_fault(error: BaseException) -> bool:
    """Whether an error, or what it was raised from, is of the machine's making."""
    return _fault(error) is not None


def words_of(error: BaseException) -> str:
    """The machine's own words about such an error, for the log: no statement, no value and no path."""
    fault = _fault(error)
    if isinstance(fault, DBAPIError):
        fault = fault.orig
        return f"{type(fault).__name__}: {fault}".partition("\n")[0]
    return f"{type(fault).__name__}: {fault.strerror}" if isinstance(fault, _NUMBERED) else type(fault).__name__


def _fault(error: BaseException) -> BaseException | None:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, MemoryError | OperationalError | InterfaceError):
            return cause
        if isinstance(cause, _NUMBERED) and cause.errno in _ERRNOS:
            return cause
        cause = cause.__cause__
    return None
