import json
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelization.topology import ACTIVATIONS, MAX_LAYERS, MAX_UNITS, Layer, Topology

layers = st.builds(
    Layer, st.integers(1, MAX_UNITS), st.sampled_from(ACTIVATIONS), st.floats(0, 1, exclude_max=True, allow_nan=False)
)
topologies = st.builds(Topology, st.lists(layers, max_size=MAX_LAYERS).map(tuple))


@given(topologies)
def test_json_keeps_a_topology(topology: Topology) -> None:
    assert Topology.from_json(json.loads(json.dumps(topology.to_json()))) == topology


@pytest.mark.parametrize("value", [{}, {"layers": [{}]}, {"layers": [{"units": 0}]}, {"layers": [{"width": 3}]}])
def test_anything_else_is_not_a_topology(value: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"topology|units"):
        Topology.from_json(value)


def test_only_training_loads_tensorflow() -> None:
    code = (
        "import sys; import modelization.topology, modelization.recognizer, modelization.bundle.bundle_file, "
        "modelization.bundle.manifest, modelization.building; "
        "sys.exit(any(m in sys.modules for m in ('tensorflow', 'keras')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
