import numpy as np
import pytest

from features.angle_evidence import unit
from modelization.decision.gallery import enrol
from modelization.decision.two_covariance import TwoCovariance, estimate
from test.modelization.made_up import PRIOR, faces


def test_ratio_is_the_one_of_the_two_hypotheses_written_out() -> None:
    """Against the definition: densities of a face beside the enrolled ones, as one normal of all of them."""
    encodings, people = faces([1, 4], 0)
    probe = faces([1], 1)[0]
    model, gallery = PRIOR.model, enrol(encodings, people, 2)
    z, ratio = model.project(unit(probe)), model.ratios(gallery)
    found = (z**2 @ ratio.curve + z @ ratio.slope + ratio.level)[0]
    for person in range(2):
        own = unit(encodings[people == person])
        assert found[person] == pytest.approx(_by_definition(model, own, unit(probe)[0]), abs=1e-4)


def _by_definition(model: TwoCovariance, enrolled: np.ndarray, probe: np.ndarray) -> float:
    n = len(enrolled)
    joint = np.kron(np.ones((n + 1, n + 1)), model.between) + np.kron(np.eye(n + 1), model.within)
    together = _log_density(np.concatenate([*enrolled, probe]), np.tile(model.mean, n + 1), joint)
    alone = _log_density(enrolled.ravel(), np.tile(model.mean, n), joint[: n * 128, : n * 128])
    anybody = _log_density(probe, model.mean, model.between + model.within)
    return together - alone - anybody


def _log_density(x: np.ndarray, mean: np.ndarray, covariance: np.ndarray) -> float:
    away = x - mean
    return float(-0.5 * (np.linalg.slogdet(covariance)[1] + away @ np.linalg.solve(covariance, away)))


def test_what_was_drawn_is_estimated() -> None:
    """People drawn from a known model give the model back, but for what shrinks it and chance."""
    encodings, people = faces([5] * 3000, 3)
    found = estimate(encodings, people)
    for one, other in ((found.between, PRIOR.model.between), (found.within, PRIOR.model.within)):
        assert np.linalg.norm(one - other) < 0.15 * np.linalg.norm(other)
    np.testing.assert_allclose(found.mean, PRIOR.model.mean, atol=0.005)


def test_directions_without_any_variance_do_not_decide() -> None:
    encodings, people = faces([5] * 300, 4)
    flat = encodings.copy()
    flat[:, :20] = flat[:1, :20]
    model = estimate(flat, people)
    assert np.isfinite(model.strengths).all()
    assert model.strengths.max() < 1e4
