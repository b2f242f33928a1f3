"""How far a search for a topology may go, as plain data; TensorFlow is not needed to say it."""

from dataclasses import dataclass

from constants.search import (
    SEARCH_GENERATIONS,
    SEARCH_LAYERS,
    SEARCH_MAX_GENERATIONS,
    SEARCH_MAX_POPULATION,
    SEARCH_MAX_TIME_BUDGET_S,
    SEARCH_MIN_POPULATION,
    SEARCH_POPULATION,
    SEARCH_TIME_BUDGET_S,
)
from constants.training import MAX_LAYERS


@dataclass(frozen=True)
class SearchOptions:
    """How far to search; ``time_budget_s`` in seconds. Raises ``ValueError`` for what cannot be searched."""

    generations: int = SEARCH_GENERATIONS
    population: int = SEARCH_POPULATION
    time_budget_s: float = SEARCH_TIME_BUDGET_S
    max_layers: int = SEARCH_LAYERS
    seed: int = 0

    def __post_init__(self) -> None:
        _check("generations", self.generations, 1, SEARCH_MAX_GENERATIONS)
        _check("population", self.population, SEARCH_MIN_POPULATION, SEARCH_MAX_POPULATION)
        _check("time_budget_s", self.time_budget_s, 1, SEARCH_MAX_TIME_BUDGET_S)
        _check("max_layers", self.max_layers, 1, MAX_LAYERS)
        _check("seed", self.seed, 0, 2**31 - 1)


def _check(name: str, value: float, low: float, high: float) -> None:
    # Written so that NaN is refused too.
    if not low <= value <= high:
        raise ValueError(f"{name} is a number from {low:g} to {high:g}, not {value}.")
