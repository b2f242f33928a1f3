import numpy as np
import pytest

from constants.exceptions import BundleInvalid
from modelization.bundle.bundle_file import open_bundle
from modelization.decision.confidence_curve import bent
from modelization.decision.decision_rule import logistic
from modelization.face_recognizer import DOUBT_MARGIN, Doubt
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


def test_doubt_is_around_the_threshold(built: Built, recognizer: Recognizer) -> None:
    strangers = faces([1] * len(built.probes), 77)[0]
    probes = np.concatenate([strangers + share * (built.probes - strangers) for share in np.linspace(0, 1, 6)])
    found = recognizer.identify(probes.astype(np.float32))
    confidences = np.clip([face.confidence for face in found], 1e-9, 1 - 1e-9)
    log_odds = np.log(confidences) - np.log1p(-confidences)
    in_doubt = recognizer.in_doubt(probes.astype(np.float32))
    assert np.array_equal(in_doubt, np.abs(log_odds) <= built.manifest.doubt_margin)
    assert 0 < in_doubt.mean() < 1
    assert built.manifest.doubt_margin == DOUBT_MARGIN
    before = Recognizer(
        built.manifest.model_copy(update={"doubt_margin": None}), open_bundle(built.path).files["head.onnx"]
    )
    assert before.in_doubt(probes.astype(np.float32)).all()


def test_doubt_is_as_wide_however_strict_a_recognizer_is() -> None:
    """A confidence is bent near the threshold; what is in doubt is asked of the rule's own logit."""
    for strictness in (-3.0, 4.0):
        least, most = Doubt.around(0.5, strictness)
        shown = [float(logistic(bent(nats, strictness))) for nats in (-2.51, -2.49, 0.0, 2.49, 2.51)]
        assert [least <= confidence <= most for confidence in shown] == [False, True, True, True, False]


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
