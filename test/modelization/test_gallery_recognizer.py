"""Names without a trained head, against the head's own."""

import numpy as np
import pytest

from modelization import gallery_recognizer
from modelization.decision.calibration import prior_threshold
from modelization.decision.decision_rule import Decider
from modelization.decision.gallery import enrol
from modelization.gallery_recognizer import GalleryRecognizer, Threshold
from modelization.recognizer import Recognizer
from test.modelization.conftest import Built
from test.modelization.made_up import PIPELINE, PRIOR, faces, split

KNOWN, PROBES, WHO = split([8] * 8 + [2, 1], 20)
#: As in bundles of format 1: confidences are the rule's own.
OLD_SCALE = Threshold(0.6, None)
GALLERY = enrol(KNOWN.encodings, KNOWN.people, len(KNOWN.labels))


@pytest.fixture
def everybody() -> np.ndarray:
    """Faces of the people known, and of strangers."""
    return np.concatenate([PROBES, faces([1] * 200, 77)[0]])


@pytest.mark.parametrize("rule", ["learned", "cosine", "distance"])
def test_confidences_are_those_of_the_rule(everybody: np.ndarray, rule: str) -> None:
    expected = Decider(PRIOR.model, GALLERY, PRIOR.rules[rule].rule).confidence(everybody, None)
    found = GalleryRecognizer(KNOWN, PIPELINE, rule, OLD_SCALE, 0.01).identify(everybody)
    for face, row in zip(found, expected, strict=True):
        by_person = {candidate.person: candidate.confidence for candidate in face.candidates}
        assert face.confidence == pytest.approx(row.max(), abs=1e-6)
        assert all(row[KNOWN.labels.index(label)] == pytest.approx(by_person[label], abs=1e-6) for label in by_person)
        assert (face.person is not None) == (face.confidence >= 0.6)


def test_it_names_nobody_else_than_a_trained_head_of_the_same_people(built: Built, everybody: np.ndarray) -> None:
    manifest = built.manifest
    assert manifest.rule == "network"
    threshold = Threshold(manifest.threshold, manifest.threshold_logit)
    found = GalleryRecognizer(KNOWN, PIPELINE, manifest.rule, threshold, manifest.target_fpir)
    assert (found.labels, found.pipeline_version) == (manifest.labels, manifest.pipeline_version)
    both = list(zip(found.identify(everybody), Recognizer.load(built.path).identify(everybody), strict=True))
    assert not [(a, b) for a, b in both if None not in (a.person, b.person) and a.person != b.person]
    assert np.mean([ours.person == theirs.person for ours, theirs in both]) > 0.95


@pytest.mark.parametrize("rule", ["network", "softmax"])
def test_in_place_of_a_rule_that_asks_the_network_is_the_learned_one(everybody: np.ndarray, rule: str) -> None:
    threshold = prior_threshold(PRIOR.rules["learned"].tail, GALLERY, 0.01)
    found = GalleryRecognizer(KNOWN, PIPELINE, rule, Threshold(0.9999, None), 0.01)
    assert found.threshold == 0.5
    learned = GalleryRecognizer(KNOWN, PIPELINE, "learned", Threshold(0.5, threshold), 0.01)
    assert found.identify(everybody) == learned.identify(everybody)
    strangers = found.identify(faces([1] * 2000, 5)[0])
    assert np.mean([face.person is not None for face in strangers]) <= 0.01


def test_many_faces_are_weighed_a_few_at_a_time(everybody: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    found = GalleryRecognizer(KNOWN, PIPELINE, "learned", OLD_SCALE, 0.01)
    whole = found.identify(everybody)
    assert found.identify(everybody[:0]) == []
    monkeypatch.setattr(gallery_recognizer, "_PAIRS", 3 * len(KNOWN.labels))
    for at_once, alone in zip(whole, found.identify(everybody), strict=True):
        assert at_once.person == alone.person
        assert at_once.confidence == pytest.approx(alone.confidence, abs=1e-9)
