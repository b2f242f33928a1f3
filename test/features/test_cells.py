"""Vectors that are compared without each being compared with all."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features import cells, clustering, doctor, wrong_labels
from features.angle_evidence import unit
from features.clustering import cluster
from features.wrong_labels import doubt_labels
from test.modelization import made_up

#: Faces of 300 people with three pictures each.
FACES, PEOPLE = made_up.faces([3] * 300, seed=4)
UNITS = unit(FACES).astype(np.float32)


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """So few vectors that already these are many."""
    for module in (cells, clustering, wrong_labels):
        monkeypatch.setattr(module, "MOST_COMPARED", 20)


@given(st.integers(21, 200), st.integers(1, 60), st.integers(1, 5), st.integers(0, 1000))
def test_no_pair_is_compared_twice(others: int, rows: int, probes: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    given, among = (unit(rng.normal(size=(count, 128))) for count in (rows, others))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(cells, "MOST_COMPARED", 20)
        found = list(cells.compared(given, among, probes))
    pairs = [(one, other) for some, inside, _ in found for one in some.tolist() for other in inside.tolist()]
    assert len(set(pairs)) == len(pairs) and {one for one, _ in pairs} == set(range(rows))
    for some, inside, products in found:
        np.testing.assert_allclose(products, given[some] @ among[inside].T, atol=1e-5)


def test_few_are_compared_with_all() -> None:
    pairs = sum(products.size for *_, products in cells.compared(UNITS[:50], UNITS, 1))
    assert pairs == 50 * len(UNITS)


def test_the_nearest_of_few_are_the_nearest() -> None:
    found = cells.nearest(UNITS[:40], UNITS, 5, 1)
    expected = np.sort(np.argsort(-(UNITS[:40] @ UNITS.T), axis=1, kind="stable")[:, :5])
    assert np.array_equal(np.sort(found), expected)


def test_where_too_few_are_found_nobody_is() -> None:
    assert sorted(cells.nearest(UNITS[:1], UNITS[:2], 3, 1)[0].tolist()) == [-1, 0, 1]


@pytest.mark.usefixtures("few")
def test_what_is_nearly_the_same_is_found_among_many() -> None:
    rng = np.random.default_rng(1)
    copies = UNITS[::9] + rng.normal(size=(100, 128)).astype(np.float32) * 0.004
    both = np.concatenate([UNITS, unit(copies).astype(np.float32)])
    found = doctor._near_duplicates(both, [str(number) for number in range(len(both))], lambda: None)
    assert sum(900 + number in found.get(9 * number, []) for number in range(100)) >= 98


def test_labels_are_doubted_among_many_people_as_among_few(few: None) -> None:
    labels, exchanged = PEOPLE.copy(), np.arange(0, 900, 45)
    labels[exchanged] = labels[np.roll(exchanged, 1)]
    among_many = doubt_labels(FACES, labels)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(wrong_labels, "MOST_COMPARED", len(labels))
        among_few = doubt_labels(FACES, labels)
    doubted = among_few.wrong > 0.5
    assert doubted[exchanged].mean() > 0.9
    assert np.array_equal(among_many.wrong > 0.5, doubted)
    # Whose face it is may lie in a cell that was not looked at.
    assert (among_many.resembles == among_few.resembles)[doubted].mean() >= 0.9


@pytest.mark.usefixtures("few")
@given(st.integers(0, 1000), st.integers(21, 60))
def test_a_large_heap_falls_into_the_same_groups(seed: int, count: int) -> None:
    # Faces of every distance, not only of clear people; of some it is known who they are.
    rng = np.random.default_rng(seed)
    encodings = unit(np.eye(128)[0] * 1.5 + rng.normal(size=(count, 128)) * 0.08).astype(np.float32)
    known = np.where(rng.random(count) < 0.2, rng.integers(0, 4, count), -1)
    found = cluster(encodings, known)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(clustering, "MOST_COMPARED", count)
        assert np.array_equal(cluster(encodings, known), found)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(clustering, "_MOST_PAIRS", 0)
        assert np.array_equal(cluster(encodings, known), found)
