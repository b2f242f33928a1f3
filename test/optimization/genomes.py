"""Spaces and genomes that are no networks."""

import numpy as np
from hypothesis import strategies as st

from optimization.genome import Choice, Genome, Size, Space

sizes = st.tuples(st.integers(1, 600), st.integers(0, 600)).map(lambda ends: Size(ends[0], ends[0] + ends[1]))
choices = st.lists(st.sampled_from(["a", "b", "c", 0.5, 0.25]), min_size=1, unique=True).map(
    lambda values: Choice(tuple(values))
)
spaces = st.builds(Space, st.lists(sizes | choices, min_size=1, max_size=4).map(tuple), st.integers(1, 6))
generators = st.integers(0, 2**32 - 1).map(np.random.default_rng)


def belongs(genome: Genome, space: Space) -> bool:
    """Whether a genome is one of a space."""

    def fits(gene: Size | Choice, value: object) -> bool:
        if isinstance(gene, Size):
            return type(value) is int and gene.low <= value <= gene.high
        return value in gene.values

    return len(genome) <= space.max_parts and all(
        len(part) == len(space.genes) and all(map(fits, space.genes, part)) for part in genome
    )
