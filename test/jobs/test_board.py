"""How a process says that it lives and how its supervisor judges it: real processes, and a clock of the test's."""

import os
import signal
import subprocess
import sys
import time

import pytest

from constants.exceptions import WorkerStopping
from jobs.processes.board import DEAD_S, QUIET_S, Board, Watch
from jobs.work import pulse
from jobs.work.pulse import Pulse, Step

#: A process that says that it lives on the second row, works for ten seconds at most, and then sleeps.
_LIVING = """
import sys, time
from jobs.work import pulse
pulse.own.attach(int(sys.argv[1]), 1)
pulse.own.begin(10.0)
print("begun", flush=True)
time.sleep(600)
"""


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now

    def passes(self, watch: Watch, seconds: float) -> None:
        """Let time pass, the watcher looking all the while."""
        until = self.now + seconds
        while self.now < until:
            self.now = min(self.now + 1.0, until)
            watch.look()


@pytest.fixture
def clock():
    return Clock()


def test_a_process_is_heard_and_not_heard_when_it_stands_still():
    board = Board(2)
    command = [sys.executable, "-c", _LIVING, str(board.descriptor)]
    with subprocess.Popen(command, pass_fds=(board.descriptor,), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "begun\n"

        def beats() -> float:
            return board.read(1)[0]

        before = beats()
        while beats() < before + 2:
            time.sleep(0.05)
        assert board.read(1)[1:] == (1.0, 10.0)
        assert board.read(0) == (0.0, 0.0, 0.0), "rows are apart"
        os.kill(process.pid, signal.SIGSTOP)
        time.sleep(0.1)
        before = beats()
        time.sleep(3 * pulse.BEAT_S)
        assert beats() == before
        process.kill()


def test_who_beats_lives_and_who_does_not_is_dead(clock):
    board, spoken = Board(1), Pulse()
    watch = Watch(board, 0, clock)
    spoken.attach(board.descriptor, 0)
    while not board.read(0)[0]:
        time.sleep(0.01)
    watch.look()
    assert watch.is_alive and watch.overdue is None
    # Its beats come once a second of this world; the watcher's clock runs ahead of them.
    clock.passes(watch, QUIET_S + 0.5)
    assert not watch.is_alive and watch.overdue is None
    clock.passes(watch, DEAD_S - QUIET_S)
    assert "no sign of life" in watch.overdue


def row(board, beats, steps, limit_s):
    for field, value in enumerate((beats, steps, limit_s)):
        board._memory[field] = value


def test_a_step_that_takes_too_long_is_seen_although_the_process_beats(clock):
    board = Board(1)
    watch = Watch(board, 0, clock)
    for beat in range(1, 30):
        row(board, beat, 1, 30.0)
        clock.passes(watch, 1.0)
        assert watch.overdue is None
    for beat in range(30, 60):  # the next step in time
        row(board, beat, 2, 30.0)
        clock.passes(watch, 1.0)
    assert watch.overdue is None
    row(board, 60, 2, 30.0)
    clock.passes(watch, 2.0)
    assert "30 s" in watch.overdue


def test_a_watcher_that_stood_still_blames_nobody(clock):
    board = Board(1)
    watch = Watch(board, 0, clock)
    row(board, 1, 1, 5.0)
    clock.passes(watch, 1.0)
    clock.now += 8 * 3600  # the machine was suspended, or the supervisor stopped
    watch.look()
    assert watch.overdue is None
    clock.passes(watch, DEAD_S + 1)
    assert watch.overdue, "from then on it counts again"


def test_a_process_has_time_to_start(clock):
    watch = Watch(Board(1), 0, clock)
    clock.passes(watch, DEAD_S + 1)
    assert watch.overdue is None and not watch.is_alive


def test_work_that_is_to_stop_stops_at_its_next_step(monkeypatch):
    monkeypatch.setattr(pulse, "own", Pulse())
    step = Step(1.0)
    step()
    pulse.own.stop()
    with pytest.raises(WorkerStopping):
        step()
