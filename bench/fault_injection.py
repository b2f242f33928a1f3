"""Faults that happen to a running service, drawn from a seed."""

import signal
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing, suppress

import psutil  # type: ignore[import-untyped]

from bench.fault_deck import DECK, Card, drawn
from bench.fault_effects import Injected, moved, released
from bench.fault_history import History, Wrong
from bench.jumping_clock import JumpingClock
from bench.managed_service import ManagedService
from bench.service_processes import Kind, Member
from bench.small_disk import SmallDisk
from bench.task_watch import Task, TaskWatch

#: Seconds that a process is stopped for, at most; longer than that is for ever.
_STOPPED_S = 4.0
#: Seconds that the database is locked, or the disk full, at most.
_TROUBLE_S = 3.0
#: Seconds by which the clock jumps, at most.
_JUMP_S = 3600
#: Seconds in which a dispatcher that is stopped for ever is replaced, beyond which it is an outage no longer.
_HUNG_S = 40.0
#: Seconds that a worker which is stopped for ever has until it is replaced, and a waiting build until it moves on.
_REPLACED_S, _MOVES_S = 120.0, 60.0
#: Seconds that a lull lasts at most.
_LULL_S = {"encode": 3.0, "train": 120.0}
#: Times that work was broken off after which it is spared: half of those that the service takes as work's own fault.
_SPARED = 10
#: What is stopped for ever.
_HANGING = (Kind.ENCODE, Kind.ENCODE, Kind.TRAIN, Kind.DISPATCHER)
#: Seconds that a fault waits for work that it is to hit.
_WORK_S = 20.0
#: Seconds after its start in which a process is spared where another is older: it has not begun to serve.
_STARTING_S = 2.0
#: Seconds after which the dispatcher is taken to serve again.
_SERVING_S = 5.0

#: Seconds without a process to end after which the service is taken to be gone for good.
_GONE_S = 180.0

#: Of a trouble whose end is measured.
_MEASURED = Card("", 0.0, signal.SIGKILL, 1.0, 0.0)
_LULL = Card("lull to train", 0.0, signal.SIGKILL, 0.0, 0.0)


class Injector:
    """What makes faults happen to a service. Without a ``disk`` or a ``clock`` those faults are left out."""

    def __init__(
        self,
        service: ManagedService,
        watch: TaskWatch,
        history: History,
        disk: SmallDisk | None,
        clock: JumpingClock | None,
    ) -> None:
        self.injected = Injected()
        self._service = service
        self._watch = watch
        self._history = history
        self._disk = disk
        self._clock = clock
        self._timers: list[threading.Timer] = []
        self._hung: list[psutil.Process] = []
        self._killed: set[psutil.Process] = set()
        self._faults: dict[str, Callable[[Card], None]] = {
            "power cut": self._cut_power,
            "stop": self._stop,
            "hang": self._hang,
            "lock": self._lock,
            "full disk": self._fill,
            "clock": self._jump,
            **{f"lull to {kind}": self._lull for kind in _LULL_S},
            **{f"kill {kind}": self._kill for kind in Kind},
        }

    def run(self, seed: int, kills: int) -> None:
        """Deal faults until so many processes were ended."""
        deck = dict(DECK)
        for fault, source in (("full disk", self._disk), ("clock", self._clock)):
            if source is None:
                del deck[fault]
        ended, since = 0, time.monotonic()
        for card in drawn(seed, deck):
            if (now := self.injected.ended.total()) >= kills:
                break
            if now != ended:
                ended, since = now, time.monotonic()
            elif time.monotonic() - since > _GONE_S:
                self._history.find(Wrong.BROKEN, f"the service has not come back for {_GONE_S} s")
                break
            self._faults[card.fault](card)
            time.sleep(card.pause_s)
        for timer in self._timers:
            timer.join()
        if self._clock is not None:
            self._clock.set(0)

    def measure(self, rounds: int) -> None:
        """Let faults happen that something is measured of, each while all else is well."""
        if rounds:
            time.sleep(max(0.0, self.injected.outages_end - time.monotonic()))
        for _ in range(rounds):
            self._kill_busy(Kind.TRAIN)
            self._kill_busy(Kind.ENCODE)
            self._lull(_LULL)
            self._wait_for_work()
            self._lock(_MEASURED)
            if self._disk is not None:
                self._wait_for_work()
                self._fill(_MEASURED)

    def hang(self, *kinds: Kind) -> None:
        """Stop a busy worker of some kinds for ever."""
        for kind in kinds:
            self._stop_for_ever(kind)

    def check_replaced(self) -> None:
        """Find workers that were stopped for ever and not replaced."""
        for process in self._hung:
            try:
                process.wait(_REPLACED_S)
            except psutil.TimeoutExpired:
                self._history.find(Wrong.BROKEN, f"{' '.join(process.cmdline())} was stopped for ever and not replaced")
                process.kill()

    def _kill(self, card: Card) -> None:
        members = self._members(Kind(card.fault.removeprefix("kill ")))
        started = time.time() - _STARTING_S
        serving = [member for member in members if member.process.create_time() < started]
        if members:
            self._end(_chosen(self._busy(serving) or serving or members, card), card.number)

    def _cut_power(self, _card: Card) -> None:
        self._history.note("fault", "power cut")
        for member in self._service.roster.members():
            if member.process not in self._killed:
                self._end(member, signal.SIGKILL)

    def _end(self, member: Member, number: signal.Signals) -> None:
        """Send a signal that ends a process; of a killed worker, begin to wait until its claims are another's."""
        held = self._held(member) if number == signal.SIGKILL else {}
        now = time.monotonic()
        if self._deliver(member, number):
            self.injected.ended[f"{number.name} {member.kind}"] += 1
            if held:
                self.injected.requeues.append(self._watch.wait(released(held), now))

    def _stop(self, card: Card) -> None:
        members = self._members()
        if not members:
            return
        member = _chosen(members, card)
        if self._deliver(member, signal.SIGSTOP):
            self.injected.stopped[member.kind] += 1
            timer = threading.Timer(card.share * _STOPPED_S, self._deliver, (member, signal.SIGCONT))
            self._timers.append(timer)
            timer.start()

    def _hang(self, card: Card) -> None:
        self._stop_for_ever(_HANGING[int(card.share * len(_HANGING))])

    def _stop_for_ever(self, kind: Kind) -> None:
        member = next(iter(self._members(kind)), None) if kind == Kind.DISPATCHER else self._wait_for_busy(kind)
        if member is None:
            return
        held, now = self._held(member), time.monotonic()
        if self._deliver(member, signal.SIGSTOP):
            self.injected.others[f"hang {kind}"] += 1
            self._hung.append(member.process)
            if kind == Kind.DISPATCHER:
                self.injected.outages.append((now, now + _HUNG_S))
            if held:
                self.injected.hangs.append(self._watch.wait(released(held), now))

    def _kill_busy(self, kind: Kind) -> None:
        member = self._wait_for_busy(kind)
        if member is not None:
            self._end(member, signal.SIGKILL)

    def _wait_for_busy(self, kind: Kind) -> Member | None:
        """A worker that holds a claim, once there is one."""
        until = time.monotonic() + _WORK_S
        while time.monotonic() < until:
            if any(task.worker and task.kind == kind for task in self._tasks().values()):
                busy = self._busy(self._members(kind))
                if busy:
                    return busy[0]
            time.sleep(0.02)
        return None

    def _wait_for_work(self) -> None:
        until = time.monotonic() + _WORK_S
        while not self._to_do(Kind.ENCODE) and time.monotonic() < until:
            time.sleep(0.02)

    def _lock(self, card: Card) -> None:
        with (
            suppress(sqlite3.Error),
            closing(sqlite3.connect(self._service.database, isolation_level=None)) as database,
        ):
            database.execute("BEGIN IMMEDIATE")
            self._trouble("lock", card, lambda: database.execute("ROLLBACK"))

    def _fill(self, card: Card) -> None:
        assert self._disk is not None
        self._disk.fill()
        self._trouble("full disk", card, self._disk.free)

    def _trouble(self, name: str, card: Card, end: Callable[[], object]) -> None:
        """Let a trouble last and end it; if it is to be measured, wait until a build moves on that it kept waiting."""
        self._history.note("fault", f"{name} begins")
        begin = time.monotonic()
        time.sleep(card.share * _TROUBLE_S)
        # A training goes on by itself, and says nothing of the others.
        waiting = {task.id: task.token for task in self._to_do(Kind.ENCODE).values()}
        end()
        self.injected.outages.append((begin, time.monotonic()))
        self._history.note("fault", f"{name} ends")
        self.injected.others[name] += 1
        if card is not _MEASURED or not waiting:
            return
        wait = self._watch.wait(moved(waiting), time.monotonic())
        self.injected.recoveries.append(wait)
        until = wait.since + _MOVES_S
        while not wait.over and time.monotonic() < until:
            time.sleep(0.05)

    def _jump(self, card: Card) -> None:
        assert self._clock is not None
        seconds = round((2 * card.share - 1) * _JUMP_S)
        self._clock.set(seconds)
        self.injected.others["clock"] += 1
        self._history.note("fault", f"the clock is {seconds} s off")

    def _lull(self, card: Card) -> None:
        """Leave the service alone until work of a kind has ended, and none is left that was broken off too often."""
        kind = card.fault.removeprefix("lull to ")
        before, until = self._to_do(kind), time.monotonic() + _LULL_S[kind]
        while before and time.monotonic() < until:
            now = self._to_do(kind)
            if before.keys() - now.keys() and all(task.interruptions < _SPARED for task in now.values()):
                return
            time.sleep(0.1)

    def _deliver(self, member: Member, number: signal.Signals) -> bool:
        """Send a signal; whether it reached a living process."""
        with suppress(psutil.NoSuchProcess):
            if member.process.status() != psutil.STATUS_ZOMBIE:
                member.process.send_signal(number)
                if number == signal.SIGKILL:
                    self._killed.add(member.process)
                self._history.note("fault", f"{number.name} to {member.name}")
                if member.kind in (Kind.MASTER, Kind.SUPERVISOR, Kind.DISPATCHER):
                    now = time.monotonic()
                    self.injected.outages.append((now, now + _SERVING_S))
                return True
        return False

    def _members(self, *kinds: Kind) -> list[Member]:
        """Those processes of some kinds, or of all, that were neither killed nor stopped for ever."""
        living = self._service.roster.members(*kinds)
        return [member for member in living if member.process not in self._killed.union(self._hung)]

    def _busy(self, members: Sequence[Member]) -> list[Member]:
        holders = {task.worker.partition(":")[0] for task in self._tasks().values() if task.worker}
        return [member for member in members if member.slot in holders]

    def _held(self, member: Member) -> dict[int, str]:
        """The tokens of the tasks that a worker holds, by task."""
        if not member.slot:
            return {}
        return {task.id: task.token for task in self._tasks().values() if task.worker.partition(":")[0] == member.slot}

    def _to_do(self, kind: str) -> dict[int, Task]:
        return {task.id: task for task in self._tasks().values() if task.kind == kind}

    def _tasks(self) -> dict[int, Task]:
        try:
            return self._watch.tasks()
        except sqlite3.Error:
            return {}


def _chosen(members: Sequence[Member], card: Card) -> Member:
    return members[int(card.which * len(members))]
