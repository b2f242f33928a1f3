"""What a worker does with a claim, and what becomes of it when that goes wrong."""

import errno
import os

from constants.exceptions import BuildCancelled, BuildFailed, MachineFault, StageLost, WorkerStopping
from jobs.machine_faults import is_machine_fault
from jobs.table import build_log, tasks
from jobs.table.tables import TaskKind
from jobs.work.encoding import encode_claim
from jobs.work.tidying import tidy_build
from jobs.work.training import train_claim
from jobs.workplace import Workplace
from logger import about, logger

_WORK = {TaskKind.ENCODE: encode_claim, TaskKind.TRAIN: train_claim}


def run(workplace: Workplace, claim: tasks.Claim) -> bool:
    """Bring a claim to its end; whatever its work raises becomes a retry or the build's failure.

    ``False`` where the machine is at fault: the claim is then held still, for the caller to give back.
    """
    with about(build_log.identity_of(workplace.database, claim.build)):
        try:
            _work(workplace, claim)
        except Exception as error:
            if not is_machine_fault(error):
                raise
            logger.warning("{} cannot go on for now: {}", claim.kind, type(error).__name__)
            return False
    return True


def _work(workplace: Workplace, claim: tasks.Claim) -> None:
    try:
        _WORK[claim.kind](workplace, claim)
    except BuildCancelled:
        logger.info("{}: the build was cancelled or taken over", claim.kind)
    except (WorkerStopping, StageLost):
        logger.info("{}: broken off, to be gone on with later", claim.kind)
        return  # still held: who stops the worker, or sent the stage elsewhere, gives it back
    except BuildFailed as failure:
        tasks.fail(workplace.database, claim, str(failure), final=True)
    except Exception as error:
        if is_machine_fault(error):
            raise
        if workplace.storage.is_full:
            # Libraries go on without what they could not write, and fail elsewhere of something else.
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from error
        logger.exception("{} failed", claim.kind)
        tasks.fail(workplace.database, claim, f"The last error was of the kind {type(error).__name__}.")
    tidy_build(workplace.database, workplace.storage, claim.build)


def run_all(workplace: Workplace) -> None:
    """Run every claim there is, and those that come of them, where they stand: the jobs without processes.

    Raises ``MachineFault`` where the machine does not let it go on; what is left may be run later.
    """
    while held := _next(workplace):
        if not run(workplace, held):
            tasks.release(workplace.database, "inline", tasks.Ending.TROUBLED, node=workplace.node)
            raise MachineFault("The disk is full, or the memory: make room, and try again.")


def _next(workplace: Workplace) -> tasks.Claim | None:
    claims = (tasks.claim(workplace.database, kind, "inline:0", node=workplace.node) for kind in TaskKind)
    return next((claim for claim in claims if claim is not None), None)
