import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from optimization.evolution import Evolution, Limits, Problem, StopSearch, evolve
from optimization.evolution_file import EvolutionFile
from optimization.genome import Choice, Genome, Size, Space
from optimization.individual import Score

SPACE = Space((Size(1, 100), Choice(("left", "right"))), 5)
GIVEN: Genome = ((50, "left"),)


def judge(genomes: Sequence[Genome]) -> list[Score]:
    """Wants three parts of size 42 that all point right; long genomes cost."""
    return [
        Score((abs(len(g) - 3) + sum(abs(size - 42) / 42 + (way == "left") for size, way in g), float(len(g))))
        for g in genomes
    ]


def run(limits: Limits, seed: int = 0, **more: object) -> Evolution:
    return evolve(Problem(SPACE, judge, (GIVEN,)), limits, np.random.default_rng(seed), **more)


def outcome(evolution: Evolution) -> object:
    return evolution.individuals, evolution.population, evolution.history, evolution.stopped_by


def test_finds_what_random_draws_do_not() -> None:
    found = run(Limits(40, 30))
    best = min(one.score.objectives[0] for one in found.individuals)
    rng = np.random.default_rng(1)
    drawn = min(score.objectives[0] for score in judge([SPACE.draw(rng) for _ in range(len(found.individuals))]))
    assert best < 0.2 < drawn


def test_same_seed_same_search_and_another_another() -> None:
    first, again, other = (run(Limits(6, 10), seed) for seed in (1, 1, 2))
    assert outcome(first) == outcome(again)
    assert outcome(first) != outcome(other)


def test_judges_nothing_twice_and_whole_generations_at_once() -> None:
    asked: list[Sequence[Genome]] = []

    def remember(genomes: Sequence[Genome]) -> list[Score]:
        asked.append(genomes)
        return judge(genomes)

    evolve(Problem(SPACE, remember, (GIVEN,)), Limits(10, 12), np.random.default_rng(0))
    assert [len(genomes) for genomes in asked] == [12] * 10
    everyone = [genome for genomes in asked for genome in genomes]
    assert len(set(everyone)) == len(everyone) and everyone[0] == GIVEN


def test_the_best_never_gets_lost() -> None:
    bests = [generation.best for generation in run(Limits(20, 8)).history]
    assert bests == sorted(bests, reverse=True)


@pytest.mark.parametrize(
    ("limits", "reason", "generations"),
    [
        (Limits(3, 8), "generations", 3),
        (Limits(30, 8, time_budget_s=0), "time_budget", 1),
        (Limits(30, 8, target=1e9), "target", 1),
        (Limits(300, 8, patience=2), "no_progress", None),
    ],
)
def test_stops_for_a_reason_with_the_best_so_far(limits: Limits, reason: str, generations: int | None) -> None:
    evolution = run(limits)
    assert evolution.stopped_by == reason and evolution.front
    assert generations is None or len(evolution.history) == generations
    assert len(evolution.history) < 300


def test_no_progress_is_a_front_that_no_newcomer_joins() -> None:
    evolution = run(Limits(300, 8, patience=2))
    newest = max(one.generation for one in evolution.front)
    assert len(evolution.history) == newest + 1 + 2


def test_a_space_that_holds_nothing_new_ends_the_search() -> None:
    small = Space((Choice(("a", "b")),), 1)
    scores = Problem(small, lambda genomes: [Score((float(len(g)),)) for g in genomes])
    evolution = evolve(scores, Limits(50, 8), np.random.default_rng(0))
    assert evolution.stopped_by == "exhausted"
    assert {one.genome for one in evolution.individuals} == {(), (("a",),), (("b",),)}


def test_stopping_keeps_what_was_found_and_any_other_error_is_raised() -> None:
    def at_third(error: type[Exception]) -> object:
        def report(evolution: Evolution) -> None:
            if len(evolution.history) == 3:
                raise error

        return report

    stopped = run(Limits(30, 8), report=at_third(StopSearch))
    assert stopped.stopped_by == "cancelled" and len(stopped.history) == 3
    with pytest.raises(ZeroDivisionError):
        run(Limits(30, 8), report=at_third(ZeroDivisionError))

    def never(genomes: Sequence[Genome]) -> list[Score]:
        raise StopSearch

    with pytest.raises(StopSearch):
        evolve(Problem(SPACE, never), Limits(3, 8), np.random.default_rng(0))


def test_a_search_taken_up_again_ends_as_one_that_never_stopped(tmp_path: Path) -> None:
    whole = run(Limits(9, 10))
    kept = EvolutionFile(tmp_path / "search.json", "this")
    for _ in range(40):

        def die_at_every_other_generation(evolution: Evolution) -> None:
            kept.save(evolution)
            if len(evolution.history) % 2 == 0:
                raise KeyboardInterrupt

        try:
            resumed = run(Limits(9, 10), evolution=kept.load(), report=die_at_every_other_generation)
            break
        except KeyboardInterrupt:
            continue
    assert outcome(resumed) == outcome(whole)


@pytest.mark.parametrize(
    "damage", [b"", b"{", b"[]", b'{"subject": "this"}', b"\xff\x00", b'{"subject": "this", "evolution": {"a": 1}}']
)
def test_a_damaged_file_is_no_search(tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / "search.json"
    path.write_bytes(damage)
    assert EvolutionFile(path, "this").load() is None


def test_a_file_of_another_subject_is_no_search(tmp_path: Path) -> None:
    path = tmp_path / "search.json"
    EvolutionFile(path, "this").save(run(Limits(2, 4)))
    assert EvolutionFile(path, "that").load() is None
    assert EvolutionFile(path, "this").load() is not None
    assert list(tmp_path.iterdir()) == [path]


def test_json_keeps_a_search() -> None:
    evolution = run(Limits(3, 6))
    assert Evolution.from_json(json.loads(json.dumps(evolution.to_json()))) == evolution


def test_ancestry_goes_back_to_those_without_parents() -> None:
    evolution = run(Limits(12, 8))
    winner = min(evolution.individuals, key=lambda one: one.score.objectives[0])
    family = evolution.ancestry(winner.number)
    assert family[-1] == winner and not family[0].parents
    numbers = {one.number for one in family}
    assert all(set(one.parents) <= numbers for one in family)
