from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from constants.detectors import DetectorName
from constants.exceptions import BuildFailed
from modelization.decision import drawn_galleries, prior_fitting
from modelization.decision.decision_rule import RULES, Decider
from modelization.decision.evidence import EVIDENCE
from modelization.decision.gallery import enrol
from modelization.decision.prior import PRIORS, Prior, prior_of
from modelization.decision.prior_fitting import fit_prior
from preprocessor.version import REVISION
from test.modelization.made_up import PRIOR, faces


@pytest.fixture(scope="module")
def fitted() -> Prior:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(prior_fitting, "PRIOR_GALLERIES", 24)
        patch.setattr(prior_fitting, "PRIOR_HEADS", 4)
        patch.setattr(drawn_galleries, "PRIOR_MAX_PEOPLE", 60)
        patch.setattr(drawn_galleries, "PRIOR_MAX_FACES", 6)
        return fit_prior(*faces([1] * 400 + [6] * 120, 0), {"source": "made up"})


def test_what_is_learned_tells_people_whom_it_never_saw_from_strangers(fitted: Prior) -> None:
    encodings, people = faces([6] * 40, 1)
    enrolled = np.arange(len(people)) % 6 < 3
    decider = Decider(fitted.model, enrol(encodings[enrolled], people[enrolled], 40), fitted.rules["learned"].rule)
    known = decider.confidence(encodings[~enrolled], None)
    strangers = decider.confidence(faces([1] * 500, 2)[0], None)
    assert (known.argmax(axis=1) == people[~enrolled]).mean() > 0.95
    assert np.median(known.max(axis=1)) > 0.9
    assert np.median(strangers.max(axis=1)) < 0.1


@pytest.mark.thorough
def test_the_same_faces_give_the_same_prior_and_a_file_keeps_it(fitted: Prior, tmp_path: Path) -> None:
    fitted.save(tmp_path / "prior.npz")
    kept = Prior.load(tmp_path / "prior.npz")
    assert kept.rules == fitted.rules
    assert kept.provenance == fitted.provenance
    np.testing.assert_allclose(kept.model.within, fitted.model.within, rtol=1e-6)


def test_too_few_people_are_refused() -> None:
    with pytest.raises(ValueError, match="two pictures"):
        fit_prior(*faces([1] * 50, 0), {})


@pytest.mark.parametrize("views", [1, 2, 6])
def test_every_pipeline_has_a_prior_that_says_where_it_comes_from(views: int) -> None:
    for detector in get_args(DetectorName):
        prior = prior_of(f"{REVISION}.{detector}.landmarks5.resnet.views{views}")
        assert prior.provenance["people"] > 2000
        assert prior.provenance["pipeline_version"].endswith(f"views{views}")
        assert {name: len(both.rule.weights) for name, both in prior.rules.items()} == dict.fromkeys(
            RULES, len(EVIDENCE)
        )


def test_priors_are_statistics_and_small() -> None:
    """As many numbers as covariances have, and far fewer than encodings of the people behind them."""
    for path in PRIORS.glob("*.npz"):
        assert path.stat().st_size < 300_000
        with np.load(path, allow_pickle=False) as file:
            assert {name: file[name].shape for name in file.files} == {
                "mean": (128,),
                "between": (128, 128),
                "within": (128, 128),
                "text": (),
            }


def test_a_pipeline_without_a_prior_says_what_to_do() -> None:
    with pytest.raises(BuildFailed, match=r"run\.py prior"):
        prior_of("9.cascade.landmarks68.resnet.views2")


def test_made_up_people_are_of_the_prior() -> None:
    assert PRIOR.provenance["pipeline_version"].endswith("views2")
