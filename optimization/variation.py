"""How children differ from their parents."""

import numpy as np

from optimization.genome import Genome, Space

#: Share of children that have two parents; Deb et al. (2002) use 0.9.
_CROSSOVER_SHARE = 0.9
#: Share of mutations that insert or remove a part; the others change values of one.
_STRUCTURAL_SHARE = 0.3


def cross(mother: Genome, father: Genome, space: Space, rng: np.random.Generator) -> Genome:
    """The head of one genome and the tail of another, cut at places of their own, so that lengths change too.

    One-point crossover of variable length (Goldberg, Korb and Deb 1989, "Messy genetic algorithms": cut and splice).
    """
    head = mother[: rng.integers(len(mother) + 1)]
    tail = father[rng.integers(len(father) + 1) :]
    return (head + tail)[: space.max_parts]


def mutate(genome: Genome, space: Space, rng: np.random.Generator) -> Genome:
    """A genome with a part more, a part fewer, or a part with one gene changed."""
    if not genome or rng.random() < _STRUCTURAL_SHARE:
        return _lengthen(genome, space, rng) if _grows(genome, space, rng) else _shorten(genome, rng)
    place, gene = rng.integers(len(genome)), rng.integers(len(space.genes))
    part = list(genome[place])
    part[gene] = space.genes[gene].mutate(part[gene], rng)
    return (*genome[:place], tuple(part), *genome[place + 1 :])


def breed(mother: Genome, father: Genome, space: Space, rng: np.random.Generator) -> Genome:
    """A child of two genomes, or of the first alone, mutated."""
    child = cross(mother, father, space, rng) if rng.random() < _CROSSOVER_SHARE else mother
    return mutate(child, space, rng)


def _grows(genome: Genome, space: Space, rng: np.random.Generator) -> bool:
    if not genome or len(genome) == space.max_parts:
        return not genome and space.max_parts > 0
    return bool(rng.random() < 0.5)


def _lengthen(genome: Genome, space: Space, rng: np.random.Generator) -> Genome:
    place = rng.integers(len(genome) + 1)
    return (*genome[:place], space.draw_part(rng), *genome[place:])


def _shorten(genome: Genome, rng: np.random.Generator) -> Genome:
    if not genome:
        return genome
    place = rng.integers(len(genome))
    return (*genome[:place], *genome[place + 1 :])
