"""One recognizer in every form: whatever is asked, the confidences are the rule's, and so is who is unknown."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from constants.exceptions import BuildFailed
from features.training_set import TrainingSet
from modelization.bundle.bundle_file import open_bundle, write_bundle
from modelization.bundle.head_forms import ASK, export_forms, export_near_forms, prove_forms, prove_near_forms
from modelization.bundle.head_onnx import ask_onnx
from modelization.bundle.manifest import Manifest
from modelization.decision.decision_rule import RULES, Decider, DecisionRule
from modelization.decision.gallery import enrol
from modelization.decision.near_decider import NearDecider
from modelization.gallery_recognizer import GalleryRecognizer, Threshold
from modelization.head_training import TrainedHead
from modelization.network import build_network
from modelization.recognizer import Recognizer
from modelization.topology import ACTIVATIONS, Layer, Topology
from preprocessor.graphs.onnx_session import make_session
from test.modelization.conftest import Built
from test.modelization.made_up import PIPELINE, PRIOR, faces, in_random_directions, split, training_set

pytestmark = pytest.mark.thorough

LINEAR = Topology(())
STRANGERS = faces([1] * 1000, 77)[0]


def nobody() -> np.ndarray:
    """What is no encoding: nothing, no number, infinity, one of these among numbers, and lengths beyond belief."""
    values = np.array([0.0, np.nan, np.inf, 0.1, 0.1, 0.03, 0.51, 1e-20, 1e20], np.float32)
    encodings = np.repeat(values[:, None], 128, axis=1)
    encodings[3, 5], encodings[4, 5] = np.nan, -np.inf
    return encodings


def relabelled(counts: list[int], twins: int) -> TrainingSet:
    """People of whom the first is there again under other labels, the pictures in another order."""
    known = training_set(counts)
    first = known.encodings[known.people == 0]
    people = [known.people, *(np.full(len(first), len(counts) + twin) for twin in range(twins))]
    encodings = [known.encodings, *(first[::-1] for _ in range(twins))]
    labels = tuple(f"person {k:03}" for k in range(len(counts) + twins))
    return TrainingSet(np.concatenate(encodings), np.concatenate(people), labels)


PEOPLE = {
    "one": training_set([5]),
    "two": training_set([1, 1]),
    "uneven": training_set([4, 1, 2]),
    "forty with a picture each": training_set([1] * 40),
    "a hundred": training_set([5] * 100),
    "one under two labels": relabelled([4], 1),
    "one under three labels, and others": relabelled([4, 4, 2], 2),
    "in random directions": TrainingSet(in_random_directions(9, 1), np.arange(9) // 3, ("a", "b", "c")),
}


def prove(known: TrainingSet, rule: str, topology: Topology = LINEAR, strictness: float = 0.0) -> dict[str, bytes]:
    """The forms of a recognizer of these people, which have all been proved to say what the rule says."""
    people = len(known.labels)
    head = TrainedHead(
        build_network(topology, people, PRIOR.background, seed=3), np.empty((0, people + 1), np.float32), 1, ()
    )
    decider = Decider(PRIOR.model, enrol(known.encodings, known.people, people), _placed(rule, strictness))
    files = export_forms(head, topology, decider, PRIOR.background, {})
    # Their own pictures, too, whose distance may be zero, and these thrice as long as an encoding is.
    probes = np.concatenate([STRANGERS, known.encodings, known.encodings[::-1] * 3, nobody()])
    expected = decider.confidence(probes, head.predict(probes))
    assert np.isfinite(expected).all() and expected[:-9].any() and not expected[-9:].any()
    parity = prove_forms(files, probes, expected)
    assert set(parity) == set(ASK) == set(files) and max(parity.values()) <= 1e-5
    with pytest.raises(BuildFailed, match="differs from the trained recognizer"):
        prove_forms(files, probes, expected + 2e-5)
    with pytest.raises(BuildFailed, match="differs from the trained recognizer"):
        prove_forms(files, probes, expected * np.nan)
    return files


def _placed(rule: str, strictness: float) -> DecisionRule:
    """Where it is bent is between known people's faces and strangers'."""
    own = PRIOR.rules[rule].rule
    return own.placed(strictness, strictness) if strictness else own


@pytest.mark.parametrize("people", PEOPLE)
def test_every_form_says_what_the_rule_says(people: str) -> None:
    prove(PEOPLE[people], "network")


@pytest.mark.parametrize("rule", sorted(set(RULES) - {"network"}))
def test_whatever_the_rule(rule: str) -> None:
    prove(PEOPLE["uneven"], rule)


@pytest.mark.parametrize("strictness", [-3.0, 4.0])
def test_however_strict(strictness: float) -> None:
    prove(PEOPLE["uneven"], "network", strictness=strictness)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_whatever_the_topology(activation: str) -> None:
    prove(PEOPLE["uneven"], "softmax", Topology((Layer(24, activation, 0.2), Layer(9))))


def test_among_many_people_every_form_says_what_the_rule_says() -> None:
    """With numbers of pictures that differ, people far from a face, and what is no encoding."""
    known = training_set([1 + person % 4 for person in range(300)])
    gallery = enrol(known.encodings, known.people, 300)
    decider = NearDecider.of(PRIOR.model, gallery, PRIOR.rules["learned"].rule.placed(3.0))
    files = export_near_forms(decider, {})
    probes = np.concatenate([STRANGERS[:200], known.encodings[:200], in_random_directions(20, 1), nobody()])
    expected = decider.confidence(probes)
    parity = prove_near_forms(files, probes, expected)
    assert set(parity) == set(ASK) == set(files) and max(parity.values()) <= 1e-5
    assert (expected[200:400].max(axis=1) > 0.5).mean() > 0.9 and not expected[-9:].any()
    no_candidate = expected.copy()
    no_candidate[3, expected[3].argmax()] = 0
    for wrong in (no_candidate, expected + 2e-5, expected * np.nan):
        with pytest.raises(BuildFailed, match="differs from the trained recognizer"):
            prove_near_forms(files, probes, wrong)
    assert [ask_onnx(files["head.onnx"], probes[:count]).shape for count in (0, 1)] == [(0, 300), (1, 300)]
    with zipfile.ZipFile(io.BytesIO(files["head.keras"])) as archive:
        config = archive.read("config.json").decode()
    assert "modelization" not in config and "__lambda__" not in config


def test_files_need_no_code_of_this_project_and_no_other_operators() -> None:
    files = prove(PEOPLE["two"], "network")
    with zipfile.ZipFile(io.BytesIO(files["head.keras"])) as archive:
        config = archive.read("config.json").decode()
    assert "modelization" not in config and "__lambda__" not in config
    with pytest.warns(UserWarning, match=r"tf.lite.Interpreter is deprecated"):
        interpreter = tf.lite.Interpreter(model_content=files["head.tflite"])
    assert not {name for name in operators(interpreter) if name.startswith(("Flex", "Custom"))}
    given, wanted = interpreter.get_input_details(), interpreter.get_output_details()
    assert [tuple(tensor["shape_signature"]) for tensor in given] == [(-1, 128)]
    assert sorted(tuple(tensor["shape_signature"]) for tensor in wanted) == [(-1, 2), (-1, 2)]


def operators(interpreter: tf.lite.Interpreter) -> set[str]:
    return {operator["op_name"] for operator in interpreter._get_ops_details()}


def test_a_build_gives_one_recognizer_in_every_form(built: Built) -> None:
    """As whoever downloads them asks: 1,000 strangers, known people, and what is nobody's."""
    bundle, manifest = open_bundle(built.path), built.manifest
    probes = np.concatenate([STRANGERS, built.probes, nobody()])
    served = Recognizer.load(built.path).identify(probes)
    people = [-1 if face.person is None else manifest.labels.index(face.person) for face in served]
    assert people[-9:] == [-1] * 9 and [face.confidence for face in served[-9:]] == [0.0] * 9
    assert manifest.head_parity is not None and max(manifest.head_parity.values()) <= 1e-5
    for name, ask in ASK.items():
        confidences = ask(bundle.files[name], probes)
        np.testing.assert_allclose(confidences.max(axis=1), [face.confidence for face in served], atol=1e-5)
        named = np.where(confidences.max(axis=1) >= manifest.threshold, confidences.argmax(axis=1), -1)
        assert named.tolist() == people, name
        assert (named[: len(STRANGERS)] >= 0).mean() < 0.03, name


def test_without_a_network_what_is_nobodys_is_unknown_too(built: Built) -> None:
    known, _, _ = split([8] * 8 + [2, 1], 20)
    threshold = Threshold(built.manifest.threshold, built.manifest.threshold_logit)
    found = GalleryRecognizer(known, PIPELINE, "learned", threshold, 0.01).identify(nobody())
    assert [(face.person, face.confidence) for face in found] == [(None, 0.0)] * 9


def test_a_bundle_of_format_1_recognizes_as_it_did(built: Built, tmp_path: Path) -> None:
    """Its confidences are the rule's own, and its threshold is where these have it."""
    old = built.manifest.model_copy(update={"format": 1, "threshold": 0.02})
    text = old.model_dump_json(exclude={"head_parity", "threshold_logit", "files"})
    write_bundle(tmp_path / "old.zip", Manifest.model_validate_json(text), open_bundle(built.path).files)
    found, now = (Recognizer.load(path) for path in (tmp_path / "old.zip", built.path))
    assert (found.threshold, found.manifest.format, found.manifest.threshold_logit) == (0.02, 1, None)
    for ours, theirs in zip(found.identify(built.probes), now.identify(built.probes), strict=True):
        assert ours.candidates == theirs.candidates
        assert (ours.person is not None) == (ours.confidence >= 0.02)


def test_confidences_are_placed_so_that_the_threshold_is_one_half(built: Built) -> None:
    """And else are the rule's: a number is taken off its logit, which leaves everybody's order as it was."""
    manifest = built.manifest
    assert manifest.threshold == 0.5 and manifest.threshold_logit is not None
    known, faces_of_them, _ = split([8] * 8 + [2, 1], 20)
    probes = np.concatenate([faces_of_them, STRANGERS])
    own = Decider(PRIOR.model, enrol(known.encodings, known.people, 10), PRIOR.rules[manifest.rule].rule)
    session = make_session(open_bundle(built.path).files["head.onnx"])
    confidence, posterior = session.run(["confidence", "posterior"], {"encodings": probes})
    stranger = 1 - posterior.sum(axis=1, keepdims=True)
    before = own.confidence(probes, np.append(posterior, stranger, axis=1)).max(axis=1)
    now = confidence.max(axis=1)
    at_threshold = 1 / (1 + np.exp(-manifest.threshold_logit))
    clear = abs(now - 0.5) > 1e-3
    assert ((before >= at_threshold) == (now >= 0.5))[clear].all() and clear.sum() > 1150
    assert (now >= 0.5)[len(faces_of_them) :].sum() < 30
