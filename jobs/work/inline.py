"""The jobs without processes: claims run where they stand, one after another, until none is left."""

from jobs.table import tasks
from jobs.table.tables import TaskKind
from jobs.work import runner
from jobs.workplace import Workplace


def run_all(workplace: Workplace) -> None:
    """Run every claim there is, and those that come of them."""
    while claim := _next(workplace):
        runner.run(workplace, claim)


def _next(workplace: Workplace) -> tasks.Claim | None:
    return tasks.claim(workplace.database, TaskKind.ENCODE, "inline:0") or tasks.claim(
        workplace.database, TaskKind.TRAIN, "inline:0"
    )
