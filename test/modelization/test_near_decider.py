"""Decisions among many people by a shortlist, against those by all evidence about everybody."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelization.decision.decision_rule import Decider
from modelization.decision.evidence import weigh_evidence, weigh_nearest, without
from modelization.decision.gallery import Gallery, enrol
from modelization.decision.held_out import examine
from modelization.decision.near_decider import NearDecider, decider_of
from modelization.decision.shortlist import LISTED, MOST_JUDGED, Shortlist, _largest
from modelization.face_recognizer import MAX_CANDIDATES
from modelization.folds import assign_folds
from test.modelization.made_up import PRIOR, faces, split, training_set

#: People with one to four pictures, and faces of them that are not among these.
KNOWN, PROBES, _ = split([1 + person % 4 for person in range(250)], 1)
GALLERY = enrol(KNOWN.encodings, KNOWN.people, 250)
EVERYBODY = np.concatenate([PROBES, faces([1] * 250, 77)[0]])
RULE = PRIOR.rules["learned"].rule


@pytest.mark.parametrize("rule", ["learned", "cosine", "distance"])
def test_decisions_are_those_of_all_evidence_about_everybody(rule: str) -> None:
    weighed = PRIOR.rules[rule].rule
    expected = Decider(PRIOR.model, GALLERY, weighed).confidence(EVERYBODY, None)
    found = NearDecider.of(PRIOR.model, GALLERY, weighed).confidence(EVERYBODY)
    assert np.array_equal(found.argmax(axis=1), expected.argmax(axis=1))
    listed = found > 0
    assert (listed.sum(axis=1) == LISTED).all()
    np.testing.assert_allclose(found[listed], expected[listed], rtol=1e-9, atol=1e-12)


def test_all_candidates_are_on_the_shortlist() -> None:
    expected = Decider(PRIOR.model, GALLERY, RULE).confidence(EVERYBODY, None)
    found = NearDecider.of(PRIOR.model, GALLERY, RULE).confidence(EVERYBODY)
    candidates = np.argsort(-expected, axis=1)[:, :MAX_CANDIDATES]
    assert np.take_along_axis(found > 0, candidates, axis=1).all()


def test_what_is_no_encoding_is_nobodys() -> None:
    nobody = np.repeat(np.array([0.0, np.nan, np.inf])[:, None], 128, axis=1)
    assert not NearDecider.of(PRIOR.model, GALLERY, RULE).confidence(nobody).any()


def test_evidence_of_some_people_is_theirs_among_everybody() -> None:
    nearest = Shortlist.of(PRIOR.model, GALLERY, RULE).nearest(EVERYBODY)
    found = weigh_nearest(PRIOR.model, GALLERY, EVERYBODY, nearest)
    everybody = weigh_evidence(PRIOR.model, GALLERY, EVERYBODY, None)
    np.testing.assert_allclose(found, np.take_along_axis(everybody, nearest[..., None], axis=1), rtol=1e-8, atol=1e-8)
    gone = np.arange(len(EVERYBODY)) % 250
    others = without(found, 250, nearest == gone[:, None])
    absent = np.take_along_axis(weigh_evidence(PRIOR.model, GALLERY, EVERYBODY, None, gone), nearest[..., None], axis=1)
    there = nearest != gone[:, None]
    np.testing.assert_allclose(others[there], absent[there], rtol=1e-8, atol=1e-8)


def test_held_out_answers_are_those_of_all_evidence() -> None:
    folds = assign_folds(KNOWN.people, 0)
    nothing = np.full((len(KNOWN.people), 251), 1 / 251)
    expected, found = (examine(KNOWN, folds, posterior, PRIOR)["learned"] for posterior in (nothing, None))
    assert np.array_equal(found.likest[found.known], expected.likest[found.known])
    np.testing.assert_allclose(found.best(), expected.best(), atol=1e-5)
    np.testing.assert_allclose(found.strangers, expected.strangers, atol=1e-5)
    assert np.array_equal(found.known, expected.known)


def test_of_many_faces_some_are_held_out(monkeypatch: pytest.MonkeyPatch) -> None:
    known = training_set([3] * 100)
    folds = assign_folds(known.people, 0)
    everything = examine(known, folds, None, PRIOR)["learned"]
    monkeypatch.setattr("modelization.decision.held_out._MOST_FACES", 120)
    some = examine(known, folds, None, PRIOR)["learned"]
    assert len(some.people) == len(some.strangers) == 120 and some.faces_per_person.tolist() == [3] * 100
    pairs = set(zip(everything.people.tolist(), everything.highest.tolist(), strict=True))
    assert pairs.issuperset(zip(some.people.tolist(), some.highest.tolist(), strict=True))


def test_few_people_are_all_judged() -> None:
    assert type(decider_of(PRIOR.model, GALLERY, RULE)) is Decider
    many = Gallery(
        *(
            np.resize(part, (MOST_JUDGED + 1, *part.shape[1:]))
            for part in (GALLERY.means, GALLERY.unit_means, GALLERY.faces)
        )
    )
    assert type(decider_of(PRIOR.model, many, RULE)) is NearDecider


@given(st.integers(1, 600), st.integers(1, 20), st.integers(0, 100))
def test_the_largest_are_found_whatever_the_sizes(columns: int, count: int, seed: int) -> None:
    scores = np.random.default_rng(seed).normal(size=(3, columns)).astype(np.float32)
    count = min(count, columns)
    found = np.take_along_axis(scores, _largest(scores, count), axis=1)
    np.testing.assert_array_equal(np.sort(found), np.sort(scores)[:, columns - count :])
