import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelization.decision.evidence import EVIDENCE, LEAD_ALONE, weigh_evidence
from modelization.decision.gallery import enrol
from test.modelization.made_up import PRIOR, faces, in_random_directions


def evidence(counts: list[int], probes: np.ndarray, absent: np.ndarray | None = None) -> np.ndarray:
    encodings, people = faces(counts, 0)
    posterior = np.full((len(probes), len(counts) + 1), 1 / (len(counts) + 1))
    return weigh_evidence(PRIOR.model, enrol(encodings, people, len(counts)), probes, posterior, absent)


@given(st.lists(st.integers(1, 4), min_size=3, max_size=6), st.data())
def test_an_absent_person_is_as_though_never_enrolled(counts: list[int], data: st.DataObject) -> None:
    gone = data.draw(st.integers(0, len(counts) - 1))
    encodings, people = faces(counts, 0)
    probes = faces([1] * 5, 1)[0]
    others = [person for person in range(len(counts)) if person != gone]
    index = np.searchsorted(others, people[people != gone])
    posterior = np.random.default_rng(0).dirichlet(np.ones(len(counts) + 1), 5)
    without = posterior[:, [*others, -1]] / posterior[:, [*others, -1]].sum(axis=1, keepdims=True)
    expected = weigh_evidence(PRIOR.model, enrol(encodings[people != gone], index, len(others)), probes, without)
    found = weigh_evidence(PRIOR.model, enrol(encodings, people, len(counts)), probes, posterior, np.full(5, gone))
    np.testing.assert_allclose(found[:, others], expected, atol=1e-9)


def test_lead_is_of_the_nearest_over_the_second_and_of_others_behind_the_nearest() -> None:
    found = evidence([2, 2, 2], faces([1] * 20, 1)[0])
    distance, lead = found[..., EVIDENCE.index("distance")], found[..., EVIDENCE.index("lead")]
    ordered = np.sort(distance, axis=1)
    rows = np.arange(20)
    np.testing.assert_allclose(lead[rows, distance.argmin(axis=1)], ordered[:, 1] - ordered[:, 0])
    np.testing.assert_allclose(lead[rows, distance.argmax(axis=1)], ordered[:, 0] - ordered[:, 2])


def test_one_person_alone_leads_over_nobody() -> None:
    assert evidence([2], faces([1] * 3, 1)[0])[:, 0, EVIDENCE.index("lead")].tolist() == [LEAD_ALONE] * 3


@pytest.mark.parametrize("pictures", [1, 3, 8])
def test_what_is_no_face_is_nobodys_not_even_among_people_like_it(pictures: int) -> None:
    people = np.repeat(np.arange(20), pictures)
    gallery = enrol(in_random_directions(len(people), 1), people, 20)
    probes = in_random_directions(1000, 2)
    logits = PRIOR.rules["learned"].rule.logits(weigh_evidence(PRIOR.model, gallery, probes, None))
    assert logits.max() < -10


def test_a_zero_encoding_gives_finite_evidence_or_says_so() -> None:
    with np.errstate(all="ignore"):
        assert evidence([2, 2], np.ones((1, 128), np.float32)).shape == (1, 2, len(EVIDENCE))
