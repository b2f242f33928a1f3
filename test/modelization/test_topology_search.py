import json
import signal
import subprocess
import sys
import time
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from modelization.folds import assign_folds
from modelization.search.search_options import SearchOptions
from modelization.search.topology_search import WIDE_TOPOLOGY, SearchResult, search_topology
from modelization.topology import DEFAULT_TOPOLOGY, Topology
from modelization.training_progress import SearchProgress
from optimization.evolution import StopSearch
from test.modelization import killed_search
from test.modelization.killed_search import OPTIONS
from test.modelization.made_up import training_set, trial

pytestmark = pytest.mark.thorough

ROOT = Path(__file__).parents[2]


def search(options: SearchOptions, state: Path | None = None, report: object = lambda _: None) -> SearchResult:
    known = training_set([6, 5, 5, 4])
    return search_topology(trial(known, assign_folds(known.people, 1)), options, state, report)


@pytest.fixture(scope="module")
def seen() -> list[SearchProgress]:
    """What the search of ``whole`` reports."""
    return []


@pytest.fixture(scope="module")
def whole(seen: list[SearchProgress]) -> SearchResult:
    return killed_search.run(None, seen.append)


def test_killed_three_times_it_ends_as_though_it_had_not_been(tmp_path: Path, whole: SearchResult) -> None:
    state, rng = tmp_path / "state.json", np.random.default_rng()
    command = [sys.executable, "-m", killed_search.__name__, str(state)]
    for kill in range(3):
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            _wait_for_generation(state, process, 1 + 2 * kill)
            time.sleep(rng.uniform(0, 0.2))
            process.kill()
        assert process.returncode == -signal.SIGKILL
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True).stdout
    assert json.loads(done) == json.loads(json.dumps(whole.to_json()))


def _wait_for_generation(state: Path, process: subprocess.Popen, generation: int) -> None:
    while process.poll() is None:
        if state.exists() and len(json.loads(state.read_text())["evolution"]["history"]) >= generation:
            return
        time.sleep(0.01)
    raise AssertionError("the search ended before it could be killed")


def test_says_what_it_found(whole: SearchResult) -> None:
    assert whole.stopped_by == "generations" and whole.evaluated == 60
    assert whole.default.topology == DEFAULT_TOPOLOGY == Topology(()) and whole.default.complete
    assert whole.wide.topology == WIDE_TOPOLOGY and whole.wide.complete
    assert len(whole.best_error) == len(whole.mean_error) == 10
    assert list(whole.best_error) == sorted(whole.best_error, reverse=True)
    assert whole.lineage[-1]["topology"] == whole.chosen.topology.to_json()
    assert not any(
        a.error < b.error and a.layers <= b.layers
        for a in whole.front
        for b in whole.front
        if a.layers < b.layers and a.parameters <= b.parameters
    )


def test_ships_nothing_worse_than_the_default(whole: SearchResult) -> None:
    assert whole.chosen.complete
    assert whole.chosen.missed <= whole.default.missed
    assert whole.chosen.layers <= whole.default.layers
    assert whole.chosen.parameters <= whole.default.parameters < whole.wide.parameters


def test_says_what_the_network_gains_over_the_rule_alone(whole: SearchResult) -> None:
    assert whole.gain is not None and whole.target_fpir == 0.01
    assert whole.gain.low <= whole.gain.gained <= whole.gain.high
    # Of other folds than those that it was chosen by.
    known = training_set([6, 5, 5, 4])
    other = trial(known, assign_folds(known.people, OPTIONS.seed + 1))
    assert whole.gain.alone == pytest.approx((other.margins_alone() <= 0).mean())


def test_progress_counts_up_and_ends_whole(whole: SearchResult, seen: list[SearchProgress]) -> None:
    assert [one.generation for one in seen] == sorted(one.generation for one in seen)
    assert seen[0].best_error is None and seen[-1].generation == seen[-1].generations == 10
    assert seen[-1].evaluated == whole.evaluated and seen[-1].best_error == whole.best_error[-1]
    assert all(one.time_left_s <= OPTIONS.time_budget_s for one in seen)


def test_progress_has_what_there_is_to_choose_from(whole: SearchResult, seen: list[SearchProgress]) -> None:
    assert seen[0].front == ()
    front = seen[-1].front
    assert front[-1].error == whole.best_error[-1]
    assert all(fewer.layers < more.layers and fewer.error > more.error for fewer, more in pairwise(front))
    judged = [(topology.layers, topology.error) for topology in whole.front]
    assert {(point.layers, point.error) for point in front} <= set(judged)
    assert not any(layers <= point.layers and error < point.error for point in front for layers, error in judged)


def test_stopping_gives_the_best_so_far_and_another_error_ends_it() -> None:
    def stop(progress: SearchProgress) -> None:
        if progress.generation == 2:
            raise StopSearch

    def cancel(progress: SearchProgress) -> None:
        raise ZeroDivisionError

    stopped = search(OPTIONS, report=stop)
    assert stopped.stopped_by == "cancelled" and stopped.evaluated == 12 and stopped.chosen.complete
    with pytest.raises(ZeroDivisionError):
        search(OPTIONS, report=cancel)


def test_a_budget_that_is_spent_ends_it_after_a_generation() -> None:
    spent = search(replace(OPTIONS, generations=200, time_budget_s=1))
    assert spent.stopped_by == "time_budget" and spent.chosen.complete


def test_a_state_of_other_faces_is_not_taken_up(tmp_path: Path, whole: SearchResult) -> None:
    state = tmp_path / "state.json"
    other = training_set([5, 5, 5, 5], seed=9)
    search_topology(trial(other, assign_folds(other.people, 1)), replace(OPTIONS, generations=1), state, lambda _: None)
    assert search(OPTIONS, state).to_json() == whole.to_json()


@pytest.mark.parametrize(
    "wrong",
    [
        {"generations": 0},
        {"generations": 10**6},
        {"population": 1},
        {"time_budget_s": 0},
        {"time_budget_s": float("nan")},
        {"max_layers": 0},
        {"max_layers": 9},
        {"seed": -1},
    ],
)
def test_options_out_of_range_are_refused_by_name(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        SearchOptions(**wrong)


def test_of_very_many_faces_a_part_of_the_people_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("modelization.search.topology_search.SEARCH_MAX_ANSWERS", 3 * 14 - 1)
    result = search(replace(OPTIONS, generations=1))
    assert result.people == 2 and 9 <= result.faces <= 11
    # A head is still for everyone.
    assert result.default.parameters == 129 * 5


def test_nobody_held_out_is_nothing_to_judge_by() -> None:
    alone = training_set([1, 1, 1])
    with pytest.raises(ValueError, match="two faces"):
        search_topology(trial(alone, assign_folds(alone.people, 0)), OPTIONS, None, lambda _: None)
