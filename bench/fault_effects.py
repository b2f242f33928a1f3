"""What faults did: the signals that were delivered, and how soon the service saw to what they broke off."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from bench.task_watch import Task, Wait


@dataclass
class Injected:
    """The signals that were delivered to living processes, and what came of the faults."""

    #: Signals that end a process, those that stop one, and other faults.
    ended: Counter[str] = field(default_factory=Counter)
    stopped: Counter[str] = field(default_factory=Counter)
    others: Counter[str] = field(default_factory=Counter)
    #: Until the claims of a worker that was killed, or stopped for ever, were no longer its own.
    requeues: list[Wait] = field(default_factory=list)
    hangs: list[Wait] = field(default_factory=list)
    #: Until a waiting build moved on.
    recoveries: list[Wait] = field(default_factory=list)
    #: From when until when nobody could see to what happened, on the monotonic clock.
    outages: list[tuple[float, float]] = field(default_factory=list)

    @property
    def outages_end(self) -> float:
        """When the last outage ends, or ended."""
        return max((end for _, end in self.outages), default=0.0)

    def seconds(self, waits: Sequence[Wait]) -> list[float]:
        """How long waits took, those left out during which nobody could see to it."""
        return [
            wait.seconds
            for wait in waits
            if wait.seconds is not None
            and not any(begin < wait.since + wait.seconds and wait.since < end for begin, end in self.outages)
        ]


def released(held: dict[int, str]) -> Callable[[dict[int, Task]], bool | None]:
    """Whether claims are no longer held by whom they were; never, where they were brought to their end just before."""

    def condition(tasks: dict[int, Task]) -> bool | None:
        left = {number: tasks[number].token for number in held if number in tasks}
        if not left:
            return None
        return all(token != held[number] for number, token in left.items())

    return condition


def moved(waiting: dict[int, str]) -> Callable[[dict[int, Task]], bool]:
    """Whether one of some tasks, given with their tokens, was claimed anew or brought to its end."""

    def condition(tasks: dict[int, Task]) -> bool:
        return any(number not in tasks or tasks[number].token not in ("", token) for number, token in waiting.items())

    return condition
