"""How far a search for a topology may go, as plain data; TensorFlow is not needed to say it.

Figures in the comments of this folder's tunables are of two sets of real faces (dlib encodings of deep-funneled LFW),
863 of 29 people and 1,539 of 78 people, on one thread.
"""

from typing import Annotated

from pydantic import Field
from pydantic.dataclasses import dataclass

from modelization.topology import MAX_LAYERS

#: Most units that a hidden layer of a candidate may have. They are the default's: what is looked for is smaller, and
#: every candidate costs the arithmetic of the widest.
SEARCH_MAX_UNITS = 64
#: Hidden layers that a candidate may have, unless the request says another number.
SEARCH_LAYERS = 3
#: Generations, and candidates in each, unless the request says other numbers.
SEARCH_GENERATIONS, SEARCH_POPULATION = 20, 32
#: Seconds after which no further generation is begun, unless the request says another number, and the most it may say.
SEARCH_TIME_BUDGET_S, SEARCH_MAX_TIME_BUDGET_S = 300.0, 24 * 3600.0


#: The most that a request may ask for: an hour on one core with faces of a hundred people.
_SEARCH_MAX_GENERATIONS, _SEARCH_MAX_POPULATION = 200, 256
#: The least candidates of a generation: the two that are always judged, and two more.
_SEARCH_MIN_POPULATION = 4

Generations = Annotated[int, Field(ge=1, le=_SEARCH_MAX_GENERATIONS, description="Generations of the search")]
Population = Annotated[
    int, Field(ge=_SEARCH_MIN_POPULATION, le=_SEARCH_MAX_POPULATION, description="Topologies in a generation")
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
