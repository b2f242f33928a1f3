"""How far a search for a topology may go, as plain data; TensorFlow is not needed to say it."""

from typing import Annotated

from pydantic import Field
from pydantic.dataclasses import dataclass

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

Generations = Annotated[int, Field(ge=1, le=SEARCH_MAX_GENERATIONS, description="Generations of the search")]
Population = Annotated[
    int, Field(ge=SEARCH_MIN_POPULATION, le=SEARCH_MAX_POPULATION, description="Topologies in a generation")
]
TimeBudget = Annotated[float, Field(ge=1, le=SEARCH_MAX_TIME_BUDGET_S, description="Seconds that the search may take")]
MaxLayers = Annotated[int, Field(ge=1, le=MAX_LAYERS, description="Most hidden layers that are tried")]
Seed = Annotated[int, Field(ge=0, lt=2**31, description="The same pictures and seed give the same recognizer")]


@dataclass(frozen=True)
class SearchOptions:
    """How far to search; ``time_budget_s`` in seconds. Raises ``ValueError`` for what cannot be searched."""

    generations: Generations = SEARCH_GENERATIONS
    population: Population = SEARCH_POPULATION
    time_budget_s: TimeBudget = SEARCH_TIME_BUDGET_S
    max_layers: MaxLayers = SEARCH_LAYERS
    seed: Seed = 0
