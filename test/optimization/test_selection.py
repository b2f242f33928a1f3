import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from optimization.individual import Individual, Score
from optimization.selection import pareto_front, survivors, tournament

objectives = st.lists(st.tuples(*[st.integers(0, 5).map(float)] * 3), min_size=1, max_size=30)


def individuals(rows: list[tuple[float, ...]]) -> list[Individual]:
    return [Individual(number, 0, ((number,),), (), Score(row)) for number, row in enumerate(rows)]


def dominates(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return one != other and all(a <= b for a, b in zip(one, other, strict=True))


@given(objectives)
def test_the_front_is_what_nothing_dominates(rows: list[tuple[float, ...]]) -> None:
    front = {individual.number for individual in pareto_front(individuals(rows))}
    assert front == {n for n, row in enumerate(rows) if not any(dominates(other, row) for other in rows)}


@given(objectives, st.integers(1, 30))
def test_no_survivor_is_dominated_by_one_that_died(rows: list[tuple[float, ...]], count: int) -> None:
    alive = survivors(individuals(rows), count)
    assert len(alive) == min(count, len(rows)) == len({one.number for one in alive})
    dead = set(range(len(rows))) - {one.number for one in alive}
    assert not any(dominates(rows[n], one.score.objectives) for n in dead for one in alive)


def test_of_a_front_the_ends_and_the_lonely_survive() -> None:
    crowd = [(0.0, 10.0), (1.0, 9.0), (1.1, 8.9), (1.2, 8.8), (5.0, 4.0), (10.0, 0.0)]
    alive = {one.score.objectives for one in survivors(individuals(crowd), 3)}
    assert alive == {(0.0, 10.0), (5.0, 4.0), (10.0, 0.0)}


def test_a_tournament_prefers_the_better_but_not_always() -> None:
    ordered = individuals([(float(n),) for n in range(10)])
    rng = np.random.default_rng(0)
    won = np.bincount([tournament(ordered, rng).number for _ in range(2000)], minlength=10)
    assert won[0] > 2 * won[6] > 0 and won[9] > 0
