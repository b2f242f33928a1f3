"""Who is judged with which prior: never people that anything was fitted to."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.harness import progress
from bench.labelled_faces import VIEWS, LabelledFaces
from jobs.commands.make_prior import fingerprint, pictures_of
from modelization.decision.prior import Prior, prior_of
from preprocessor.version import REVISION

#: How often the people are split into those that a prior is fitted to and those that are judged.
SPLITS = 5


@dataclass(frozen=True)
class JudgedPeople:
    """Faces of people whom the priors, one for each number of views by its suffix, have not seen."""

    faces: LabelledFaces
    priors: dict[str, Prior]


def judged_people(faces: LabelledFaces, dataset: Path, quick: bool) -> Iterator[JudgedPeople]:
    """The whole data set with the priors that the project ships, or, where these were made from it, half by half.

    Then every prior is fitted anew to one half of the people, and the other half is judged.
    """
    shipped = {
        suffix: prior_of(f"{REVISION}.cascade.landmarks5.resnet.views{views}") for suffix, views in VIEWS.items()
    }
    if shipped[""].provenance["content"] != fingerprint(pictures_of(dataset)):
        yield JudgedPeople(faces, shipped)
        return
    for seed in range(1 if quick else SPLITS):
        who = np.random.default_rng(seed).permutation(np.unique(faces.people))
        fitted_to = np.isin(faces.people, who[::2])
        suffixes = [""] if quick else list(VIEWS)
        priors = {suffix: _fit(faces, fitted_to, suffix) for suffix in progress(suffixes, f"priors, split {seed}")}
        yield JudgedPeople(faces.chosen(~fitted_to), priors)


def _fit(faces: LabelledFaces, chosen: np.ndarray, suffix: str) -> Prior:
    from modelization.decision.prior_fitting import fit_prior  # scikit-learn and TensorFlow, where priors are fitted

    return fit_prior(np.asarray(faces.encodings[suffix][chosen], np.float32), faces.people[chosen], {})
