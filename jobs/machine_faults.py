"""What is the machine's fault, and neither the task's nor the request's: no room, no memory, a locked database."""

from sqlalchemy.exc import InterfaceError, OperationalError

from constants.machine_faults import is_fault_of_system


def is_machine_fault(error: BaseException) -> bool:
    """Whether an error, or what it was raised from, is of the machine's making."""
    cause: BaseException | None = error
    while cause is not None:
        if is_fault_of_system(cause) or isinstance(cause, OperationalError | InterfaceError):
            return True
        cause = cause.__cause__
    return False
