"""What a worker does with a claim, and what becomes of it when that goes wrong."""

from constants.exceptions import BuildCancelled, BuildFailed
from jobs.table import tasks
from jobs.table.tables import TaskKind
from jobs.work.encoding import encode_claim
from jobs.work.tidying import tidy_build
from jobs.work.training import train_claim
from jobs.workplace import Workplace
from logger import about, logger

_WORK = {TaskKind.ENCODE: encode_claim, TaskKind.TRAIN: train_claim}


def run(workplace: Workplace, claim: tasks.Claim) -> None:
    """Bring a claim to its end; whatever its work raises becomes a retry or the build's failure."""
    with about(f"build-{claim.build}"):
        try:
            _WORK[claim.kind](workplace, claim)
        except BuildCancelled:
            logger.info("{}: the build was cancelled or taken over", claim.kind)
        except BuildFailed as failure:
            tasks.fail(workplace.database, claim, str(failure), final=True)
        except Exception as error:
            logger.exception("{} failed", claim.kind)
            tasks.fail(workplace.database, claim, f"The last error was of the kind {type(error).__name__}.")
        tidy_build(workplace.database, workplace.storage, claim.build)


def run_all(workplace: Workplace) -> None:
    """Run every claim there is, and those that come of them, where they stand: the jobs without processes."""
    while held := _next(workplace):
        run(workplace, held)


def _next(workplace: Workplace) -> tasks.Claim | None:
    return tasks.claim(workplace.database, TaskKind.ENCODE, "inline:0") or tasks.claim(
        workplace.database, TaskKind.TRAIN, "inline:0"
    )
