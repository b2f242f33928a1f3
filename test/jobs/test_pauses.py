"""Pauses after faults of the machine, on a clock of the test's."""

from jobs.processes.pauses import Pauses
from jobs.table.tasks import MAX_TROUBLES


def test_pauses_grow_to_seconds_end_with_success_and_last_ten_minutes_in_all():
    now = [0.0]
    pauses = Pauses(0, lambda: now[0])
    lasted = []
    for _ in range(MAX_TROUBLES):
        begun = now[0]
        pauses.begin("encode")
        assert not pauses.is_over("encode")
        assert pauses.is_over("train")
        while not pauses.is_over("encode"):
            now[0] += 0.01
        lasted.append(now[0] - begun)
    assert lasted[0] < 0.5
    assert 2.0 < lasted[-1] < 5.0
    assert len({round(pause, 2) for pause in lasted[-20:]}) > 5, "no two processes come back together"
    assert sum(lasted) >= 600
    pauses.end("encode")
    pauses.begin("encode")
    now[0] += 0.5
    assert pauses.is_over("encode")


def test_what_fails_during_a_pause_does_not_make_it_longer():
    now = [0.0]
    pauses = Pauses(0, lambda: now[0])
    for _ in range(10):
        pauses.begin("encode")
    now[0] = 0.5
    assert pauses.is_over("encode")
