"""Selection of NSGA-II: Deb, Pratap, Agarwal and Meyarivan (2002), with DEAP's sorting and crowding."""

from collections.abc import Sequence

import numpy as np
from deap import base  # type: ignore[import-untyped]
from deap.tools import emo  # type: ignore[import-untyped]

from optimization.individual import Individual


class _Fitness(base.Fitness):  # type: ignore[misc]
    """Objectives as DEAP compares them; a weight for each, all to be made small."""

    def __init__(self, objectives: tuple[float, ...]) -> None:
        self.weights = (-1.0,) * len(objectives)
        super().__init__(objectives)


class _Ranked:
    """An individual as DEAP sorts it; DEAP leaves the crowding distance in its fitness."""

    def __init__(self, individual: Individual) -> None:
        self.individual = individual
        self.fitness = _Fitness(individual.score.objectives)


def pareto_front(individuals: Sequence[Individual]) -> list[Individual]:
    """Those that no other is better than in one objective and as good in all."""
    ranked = [_Ranked(individual) for individual in individuals]
    (front,) = emo.sortNondominated(ranked, len(ranked), first_front_only=True)
    return [scored.individual for scored in front]


def survivors(individuals: Sequence[Individual], count: int) -> list[Individual]:
    """The best ``count``: the better front first, and in a front the lonelier first.

    Parents compete with their children, so that nothing good is lost (elitism).
    """
    chosen: list[Individual] = []
    for front in _fronts(individuals):
        emo.assignCrowdingDist(front)
        front.sort(key=lambda ranked: -ranked.fitness.crowding_dist)
        chosen += [ranked.individual for ranked in front]
    return chosen[:count]


def tournament(ordered: Sequence[Individual], rng: np.random.Generator) -> Individual:
    """The better of two drawn ones; ``ordered`` as ``survivors`` gives them."""
    return ordered[int(rng.integers(len(ordered), size=2).min())]


def _fronts(individuals: Sequence[Individual]) -> list[list[_Ranked]]:
    ranked = [_Ranked(individual) for individual in individuals]
    fronts: list[list[_Ranked]] = emo.sortNondominated(ranked, len(ranked))
    return fronts
