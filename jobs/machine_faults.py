"""What is the machine's fault, and neither the task's nor the request's: no room, no memory, a locked database."""

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnection
from zmq import ZMQError

from constants.exceptions import MachineFault
from constants.machine_faults import is_fault_of_system

#: The database's errors that are none of a statement's making, and our own word for what does not let work go on.
_FAULTS = (OperationalError, InterfaceError, NoConnection, MachineFault)
#: Errors that say by such a number what the system refused.
_NUMBERED = (OSError, ZMQError)


def is_machine_fault(error: BaseException) -> bool:
    """Whether an error, or what it was raised from, is of the machine's making."""
    return _fault(error) is not None


def words_of(error: BaseException) -> str:
    """The machine's own words about an error, without the statement, the values or the path that it met."""
    fault = _fault(error) or error
    if isinstance(fault, DBAPIError):
        return str(fault.orig).partition("\n")[0]
    return str(fault.strerror) if isinstance(fault, _NUMBERED) else type(fault).__name__


def leaves_doubt(error: BaseException) -> bool:
    """Whether nobody knows if the transaction that an error ended is committed: the way to the database broke."""
    return isinstance(error, DBAPIError) and error.connection_invalidated


def _fault(error: BaseException) -> BaseException | None:
    cause: BaseException | None = error
    while cause is not None:
        if is_fault_of_system(cause) or isinstance(cause, _FAULTS):
            return cause
        if isinstance(cause, ZMQError) and is_fault_of_system(OSError(cause.errno, "")):
            return cause
        cause = cause.__cause__
    return None
