import numpy as np
import pytest

from constants.exceptions import BundleInvalid
from modelization.bundle.bundle_file import open_bundle
from modelization.recognizer import Recognizer
from test.modelization.conftest import Built
from test.modelization.made_up import faces


@pytest.fixture(scope="module")
def recognizer(built: Built) -> Recognizer:
    return Recognizer.load(built.path)


def test_knows_its_people(built: Built, recognizer: Recognizer) -> None:
    enough = built.people < 8  # people of eight pictures; the two with fewer may look like one of them
    found = recognizer.identify(built.probes[enough])
    right = [face.person == recognizer.labels[who] for face, who in zip(found, built.people[enough], strict=True)]
    assert np.mean(right) > 0.95


def test_refuses_strangers(recognizer: Recognizer) -> None:
    found = recognizer.identify(faces([1] * 1000, 77)[0])
    assert np.mean([face.person is not None for face in found]) < 0.05


def test_candidates_are_few_and_by_falling_confidence(built: Built, recognizer: Recognizer) -> None:
    for face in recognizer.identify(built.probes[:20]):
        confidences = [candidate.confidence for candidate in face.candidates]
        assert len(confidences) == 5 and confidences == sorted(confidences, reverse=True)
        assert all(0 <= confidence <= 1 for confidence in confidences)
        assert face.confidence == confidences[0]
        assert face.person in (None, face.candidates[0].person)
        assert (face.person is not None) == (face.confidence >= recognizer.threshold)


def test_no_faces_no_names(recognizer: Recognizer) -> None:
    assert recognizer.identify(np.empty((0, 128), np.float32)) == []


@pytest.mark.parametrize(
    "encodings",
    [np.zeros(128, np.float32), np.zeros((1, 127), np.float32), np.zeros((1, 128))],
)
def test_impossible_input_is_refused(recognizer: Recognizer, encodings: np.ndarray) -> None:
    with pytest.raises(ValueError, match="encoding"):
        recognizer.identify(encodings)


def test_a_head_that_cannot_run_is_refused(built: Built) -> None:
    with pytest.raises(BundleInvalid):
        Recognizer(built.manifest, b"nonsense")


def test_a_head_of_other_people_is_refused(built: Built) -> None:
    fewer = built.manifest.model_copy(update={"labels": built.manifest.labels[:3]})
    with pytest.raises(BundleInvalid):
        Recognizer(fewer, open_bundle(built.path).files["head.onnx"])
