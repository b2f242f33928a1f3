import numpy as np
import pytest
from hypothesis import given

from optimization.genome import Choice, Size, Space
from optimization.variation import breed, cross, mutate
from test.optimization.genomes import belongs, generators, spaces

SPACE = Space((Size(2, 64), Choice(("a", "b", "c"))), 4)


@given(spaces, generators)
def test_children_stay_in_the_space(space: Space, rng: np.random.Generator) -> None:
    one, other = space.draw(rng), space.draw(rng)
    for _ in range(20):
        assert belongs(one, space)
        one, other = breed(one, other, space, rng), one


@given(spaces, generators)
def test_crossing_invents_no_part(space: Space, rng: np.random.Generator) -> None:
    one, other = space.draw(rng), space.draw(rng)
    assert set(cross(one, other, space, rng)) <= {*one, *other}


def test_crossing_gives_lengths_that_neither_parent_has() -> None:
    rng = np.random.default_rng(0)
    one, other = ((3, "a"),), ((5, "b"), (6, "b"), (7, "c"))
    assert {len(cross(one, other, SPACE, rng)) for _ in range(200)} == {0, 1, 2, 3, 4}


def test_mutation_reaches_every_genome_of_a_small_space() -> None:
    space = Space((Size(1, 3), Choice(("a", "b"))), 2)
    rng, genome, seen = np.random.default_rng(0), (), set()
    for _ in range(4000):
        genome = mutate(genome, space, rng)
        seen.add(genome)
    assert len(seen) == 1 + 6 + 36


@given(generators)
def test_a_mutation_changes_one_thing(rng: np.random.Generator) -> None:
    genome = SPACE.draw(rng)
    mutant = mutate(genome, SPACE, rng)
    assert mutant != genome
    assert abs(len(mutant) - len(genome)) <= 1
    if len(mutant) == len(genome):
        changed = [a != b for one, other in zip(genome, mutant, strict=True) for a, b in zip(one, other, strict=True)]
        assert sum(changed) == 1


@pytest.mark.parametrize("gene", [Size(7, 7), Choice(("only",))])
def test_a_gene_of_one_value_keeps_it(gene: Size | Choice) -> None:
    rng = np.random.default_rng(0)
    value = gene.draw(rng)
    assert gene.mutate(value, rng) == value


def test_sizes_are_drawn_evenly_in_ratio() -> None:
    rng = np.random.default_rng(0)
    drawn = np.array([Size(1, 1000).draw(rng) for _ in range(3000)])
    shares = np.histogram(drawn, [1, 10, 100, 1001])[0] / len(drawn)
    np.testing.assert_allclose(shares, 1 / 3, atol=0.06)
