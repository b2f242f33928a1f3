"""Leases and nodes, on a clock of the test's: the one on the wall may say what it likes."""

import time

from jobs.processes.counter_watch import CounterWatch


class Watcher:
    """Who looks at counters at every second of a clock that the test moves."""

    def __init__(self, limit_s):
        self.now = 1000.0
        self._watch = CounterWatch(limit_s, lambda: self.now)

    def look(self, *counters):
        return self._watch.standing_still(counters)

    def watch(self, seconds, *counters):
        """Which stand still after some seconds."""
        for _ in range(seconds):
            self.now += 1
            found = self.look(*counters)
        return found


def test_a_claim_runs_out_when_nothing_was_heard_of_it_for_long_enough(monkeypatch):
    watcher = Watcher(60.0)
    monkeypatch.setattr(time, "time", lambda: 1e12)  # a clock that jumped
    assert watcher.look(("silent", 0), ("renewed", 0)) == set()
    assert watcher.watch(59, ("silent", 0), ("renewed", 0)) == set()
    assert watcher.watch(2, ("silent", 0), ("renewed", 1)) == {"silent"}
    monkeypatch.setattr(time, "time", lambda: 0.0)
    assert watcher.watch(58, ("renewed", 1)) == set()
    assert watcher.watch(1, ("renewed", 1), ("new", 0)) == set()
    assert watcher.watch(1, ("renewed", 1), ("new", 0)) == {"renewed"}


def test_a_dispatcher_that_starts_gives_every_claim_its_whole_time():
    assert Watcher(60.0).look(("old", 7)) == set()


def test_who_could_not_look_for_a_while_waits_the_whole_time_again():
    watcher = Watcher(15.0)
    assert watcher.watch(14, ("silent", 0)) == set()
    watcher.now += 30  # there was no database, for anybody
    assert watcher.look(("silent", 0)) == set()
    assert watcher.watch(15, ("silent", 0)) == set()
    assert watcher.watch(1, ("silent", 0)) == {"silent"}
