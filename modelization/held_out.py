"""What others than a face itself say of it: the material of calibration and of evaluation."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from features.training_set import TrainingSet
from modelization.folds import NEVER
from modelization.gallery import enrol

_Floats = npt.NDArray[np.floating]


@dataclass(frozen=True)
class HeldOut:
    """What is known of faces by others than themselves: the material of calibration and evaluation.

    ``angles`` and ``posterior`` are (n, people), ``people`` (n,) the true person. Where ``known`` (n,) is
    true, neither the angle nor the posterior of the true person has seen the face; elsewhere the true
    person's column says nothing, and the others are valid. ``faces_per_person`` is (people,).
    """

    angles: _Floats
    posterior: _Floats
    people: npt.NDArray[np.int64]
    known: npt.NDArray[np.bool_]
    faces_per_person: npt.NDArray[np.int64]

    def without_own_person(self) -> tuple[_Floats, _Floats]:
        """Angles and posterior as they would be were each face's own person not in the gallery, (n, people).

        Stands for strangers: the own angle is the largest there is, and the others share the posterior.
        """
        own = np.arange(len(self.people)), self.people
        angles, posterior = self.angles.copy(), self.posterior.astype(np.float64)
        angles[own], posterior[own] = np.pi, 0.0
        return angles, posterior / np.maximum(posterior.sum(axis=1, keepdims=True), 1e-30)


def examine(faces: TrainingSet, folds: npt.NDArray[np.int64], posterior: _Floats) -> HeldOut:
    """Angles of every face to the people as enrolled without its fold, beside its held-out ``posterior``."""
    people = len(faces.labels)
    angles = np.empty((len(faces.people), people))
    for fold in range(NEVER, int(folds.max()) + 1):
        in_fold = folds == fold
        # Faces that no fold holds out are compared with everyone's faces; their own column is not used.
        enrolled = ~in_fold if fold != NEVER else np.ones_like(in_fold)
        angles[in_fold] = enrol(faces.encodings[enrolled], faces.people[enrolled], people).angles(
            faces.encodings[in_fold]
        )
    return HeldOut(angles, posterior, faces.people, folds != NEVER, faces.faces_per_person)
