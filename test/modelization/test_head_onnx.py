import json

import numpy as np
import onnx
import pytest

from constants.exceptions import BuildFailed
from modelization.bundle.head_onnx import export_head, prove_parity, recognizer_metadata
from modelization.decision.decision_rule import RULES, Decider
from modelization.decision.gallery import enrol
from modelization.network import build_network
from modelization.topology import ACTIVATIONS, Layer, Topology
from preprocessor.graphs.onnx_session import make_session
from test.modelization.made_up import PRIOR, split

pytestmark = pytest.mark.thorough

TOPOLOGIES = [Topology(()), *(Topology((Layer(24, activation, 0.2), Layer(9))) for activation in ACTIVATIONS)]


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("topology", TOPOLOGIES, ids=lambda t: t.layers[0].activation if t.layers else "linear")
def test_onnx_says_what_keras_and_the_rule_say(topology: Topology, rule: str) -> None:
    known, probes, _ = split([4, 1, 2], 30)
    network = build_network(topology, 3, seed=3)
    decider = Decider(PRIOR.model, enrol(known.encodings, known.people, 3), PRIOR.rules[rule].rule)
    model = export_head(topology, network.get_weights(), decider, {})
    probes = np.concatenate([probes, known.encodings, known.encodings[::-1] * 3])
    expected = decider.confidence(probes, np.asarray(network(probes, training=False)))
    prove_parity(model, probes, expected)
    with pytest.raises(BuildFailed):
        prove_parity(model, probes, expected + 2e-5)
    with pytest.raises(BuildFailed):
        prove_parity(model, probes, expected * np.nan)


@pytest.mark.parametrize("others", [0, 1, 3])
def test_one_person_under_several_labels_leads_nobody(others: int) -> None:
    """Their distances are equal to the last bit, or nearly so."""
    known, probes, _ = split([4] * (1 + others), 30)
    first = known.people == 0
    encodings = np.concatenate([known.encodings, known.encodings[first], known.encodings[first][::-1]])
    people = np.concatenate([known.people, np.repeat([1 + others, 2 + others], first.sum())])
    network = build_network(Topology(()), 3 + others, seed=3)
    decider = Decider(PRIOR.model, enrol(encodings, people, 3 + others), PRIOR.rules["learned"].rule)
    model = export_head(Topology(()), network.get_weights(), decider, {})
    probes = np.concatenate([probes, encodings])
    prove_parity(model, probes, decider.confidence(probes, np.asarray(network(probes, training=False))))


def test_the_file_alone_is_enough() -> None:
    known, probes, _ = split([4, 4], 3)
    labels = ("Zoë", "名前")
    network = build_network(Topology(()), 2, seed=0)
    metadata = recognizer_metadata(labels, 0.25, 0.01, "1.test")
    decider = Decider(PRIOR.model, enrol(known.encodings, known.people, 2), PRIOR.rules["learned"].rule)
    model = export_head(Topology(()), network.get_weights(), decider, metadata)
    found = make_session(model).get_modelmeta().custom_metadata_map
    assert tuple(json.loads(found["labels"])) == labels
    assert float(found["threshold"]) == 0.25
    assert (float(found["target_fpir"]), found["pipeline_version"]) == (0.01, "1.test")
    parsed = onnx.load_from_string(model)
    assert [entry.version for entry in parsed.opset_import] == [17]
    assert make_session(model).run(None, {"encodings": probes[:0]})[0].shape == (0, 2)
