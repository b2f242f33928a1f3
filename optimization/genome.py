"""What evolves: a genome is a sequence of parts, each with one value of every gene."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

#: Standard deviation of the logarithm of a mutated width: two in three stay within a factor of 1.6.
_MUTATION_STEP = 0.5


#: What a gene may be; such values survive JSON unchanged.
Value = int | float | str
#: One value of each gene of a space, in its order.
Part = tuple[Value, ...]
#: Any number of parts; the empty genome is one too.
Genome = tuple[Part, ...]


class Gene(Protocol):
    """One property of a part."""

    def draw(self, rng: np.random.Generator) -> Value:
        """Any of its values."""

    def mutate(self, value: Value, rng: np.random.Generator) -> Value:
        """Another value, like this one where values have an order."""


@dataclass(frozen=True)
class Choice:
    """A gene that is one of several values without an order."""

    values: tuple[Value, ...]

    def draw(self, rng: np.random.Generator) -> Value:
        return self.values[rng.integers(len(self.values))]

    def mutate(self, value: Value, rng: np.random.Generator) -> Value:
        others = [other for other in self.values if other != value]
        return others[rng.integers(len(others))] if others else value


@dataclass(frozen=True)
class Size:
    """A gene that is a whole number from ``low`` to ``high``, whose ratios matter: drawn evenly in its logarithm."""

    low: int
    high: int

    def draw(self, rng: np.random.Generator) -> Value:
        return self._whole(rng.uniform(np.log(self.low - 0.5), np.log(self.high + 0.5)))

    def mutate(self, value: Value, rng: np.random.Generator) -> Value:
        size = int(value)
        moved = self._whole(np.log(size) + rng.normal(0, _MUTATION_STEP))
        if moved != size or self.low == self.high:
            return moved
        # At least by one, towards the inside where it stands at an end.
        return size + 1 if size < self.high else size - 1

    def _whole(self, logarithm: float) -> int:
        return int(np.clip(np.rint(np.exp(logarithm)), self.low, self.high))


@dataclass(frozen=True)
class Space:
    """All genomes of at most ``max_parts`` parts; a new gene is one more member of ``genes``."""

    genes: tuple[Gene, ...]
    max_parts: int

    def draw(self, rng: np.random.Generator) -> Genome:
        """Any genome: every number of parts is as likely as another."""
        return tuple(self.draw_part(rng) for _ in range(rng.integers(self.max_parts + 1)))

    def draw_part(self, rng: np.random.Generator) -> Part:
        return tuple(gene.draw(rng) for gene in self.genes)


def from_json(value: Sequence[Sequence[Value]]) -> Genome:
    """The genome that JSON made lists of."""
    return tuple(tuple(part) for part in value)
