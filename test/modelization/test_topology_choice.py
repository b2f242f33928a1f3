from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelization.search.topology_choice import JudgedTopology, choose
from modelization.topology import Layer, Topology

DEFAULT = JudgedTopology(Topology((Layer(64),)), 0.02, 0.01, 0.02, 10_000, True)


def judged(
    layers: int, error: float, parameters: int = 500, missed: float = 0.0, complete: bool = True
) -> JudgedTopology:
    return JudgedTopology(Topology((Layer(8),) * layers), error, 0.01, missed, parameters, complete)


def test_fewest_layers_then_parameters_within_one_standard_error() -> None:
    shallow, small, large, deep = judged(1, 0.019, 300), judged(0, 0.021, 100), judged(1, 0.015, 400), judged(2, 0.01)
    assert choose([DEFAULT, small, shallow, large, deep], DEFAULT) == shallow
    assert choose([DEFAULT, replace(small, error=0.02), shallow, large, deep], DEFAULT).layers == 0


def test_a_training_cut_short_is_not_chosen() -> None:
    assert choose([DEFAULT, judged(0, 0.0, complete=False)], DEFAULT) == DEFAULT


def test_surer_but_missing_more_than_the_default_is_not_chosen() -> None:
    assert choose([DEFAULT, judged(1, 0.001, missed=0.021)], DEFAULT) == DEFAULT


shares = st.floats(0, 1)
topologies = st.builds(judged, st.integers(0, 4), shares, st.integers(1, 10**6), shares, st.booleans())


@given(st.lists(topologies, max_size=20), shares, shares)
def test_never_worse_than_the_default(others: list[JudgedTopology], error: float, missed: float) -> None:
    default = replace(DEFAULT, error=error, missed=missed)
    chosen = choose([default, *others], default)
    assert chosen.complete and chosen.missed <= default.missed
    assert chosen.layers <= default.layers or chosen.error < default.error or default.missed > missed


@pytest.mark.parametrize("error", [0.0, 0.5])
def test_alone_the_default_is_chosen(error: float) -> None:
    default = replace(DEFAULT, error=error)
    assert choose([default], default) == default
