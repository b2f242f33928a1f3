"""Leases, on a clock of the test's: the one on the wall may say what it likes."""

import time

from jobs.processes.lease_watch import LeaseWatch


def test_a_claim_runs_out_when_nothing_was_heard_of_it_for_long_enough(monkeypatch):
    now = [1000.0]
    watch = LeaseWatch(60.0, lambda: now[0])
    monkeypatch.setattr(time, "time", lambda: 1e12)  # a clock that jumped
    assert watch.overdue({("silent", 0), ("renewed", 0)}) == set()
    now[0] += 59
    assert watch.overdue({("silent", 0), ("renewed", 1)}) == set()
    now[0] += 2
    assert watch.overdue({("silent", 0), ("renewed", 1)}) == {"silent"}
    monkeypatch.setattr(time, "time", lambda: 0.0)
    now[0] += 58
    assert watch.overdue({("renewed", 1)}) == set()
    now[0] += 2
    assert watch.overdue({("renewed", 1), ("new", 0)}) == {"renewed"}


def test_a_dispatcher_that_starts_gives_every_claim_its_whole_time():
    now = [1000.0]
    assert LeaseWatch(60.0, lambda: now[0]).overdue({("old", 7)}) == set()
