import json

import numpy as np
import onnx
import pytest

from modelization.bundle.head_onnx import export_head, recognizer_metadata
from modelization.decision.decision_rule import Decider
from modelization.decision.gallery import enrol
from modelization.network import build_network
from modelization.topology import Topology
from preprocessor.graphs.onnx_session import make_session
from test.modelization.made_up import PRIOR, split

pytestmark = pytest.mark.thorough


def test_the_file_alone_is_enough() -> None:
    known, probes, _ = split([4, 4], 3)
    labels = ("Zoë", "名前")
    network = build_network(Topology(()), 2, PRIOR.background, seed=0)
    metadata = recognizer_metadata(labels, 0.25, 0.01, 1.5, "1.test")
    decider = Decider(PRIOR.model, enrol(known.encodings, known.people, 2), PRIOR.rules["learned"].rule)
    weights = [np.asarray(value) for value in network.trainable_variables]
    model = export_head(Topology(()), weights, decider, PRIOR.background, metadata)
    found = make_session(model).get_modelmeta().custom_metadata_map
    assert tuple(json.loads(found["labels"])) == labels
    assert float(found["threshold"]) == 0.25
    assert (float(found["target_fpir"]), found["pipeline_version"]) == (0.01, "1.test")
    assert float(found["strictness"]) == 1.5
    parsed = onnx.load_from_string(model)
    assert [entry.version for entry in parsed.opset_import] == [17]
    assert make_session(model).run(None, {"encodings": probes[:0]})[0].shape == (0, 2)
