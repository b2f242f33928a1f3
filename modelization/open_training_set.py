"""Faces that a network learns from: people's own, and strangers as one class more."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from features.training_set import TrainingSet
from modelization.decision.background import Background
from modelization.folds import NEVER

#: Share of the loss that is about strangers; 0.2 and 0.8 named fewer known people at 0.1 % of strangers.
_STRANGERS_SHARE = 0.5


@dataclass(frozen=True)
class OpenTrainingSet:
    """Faces of ``known`` people, in ``known_folds`` as from ``assign_folds``, and the strangers of a background.

    Strangers come after the faces, spread over the same folds, and are the last class.
    """

    known: TrainingSet
    known_folds: npt.NDArray[np.int64]
    background: Background

    @property
    def people(self) -> int:
        """How many people there are, strangers not counted."""
        return len(self.known.labels)

    @cached_property
    def encodings(self) -> npt.NDArray[np.float32]:
        """float32 (n, 128)."""
        return np.concatenate([self.known.encodings, self.background.strangers])

    @cached_property
    def classes(self) -> npt.NDArray[np.int64]:
        """int64 (n,): the person whom each face shows, or ``people``."""
        return np.append(self.known.people, np.full(len(self.background.strangers), self.people))

    @cached_property
    def folds(self) -> npt.NDArray[np.int64]:
        """int64 (n,): the fold that holds out each face."""
        count, strangers = int(self.known_folds.max()) + 1, np.arange(len(self.background.strangers))
        return np.append(self.known_folds, strangers % count if count else np.full(len(strangers), NEVER))

    def weights(self, chosen: npt.NDArray[np.bool_]) -> npt.NDArray[np.float32]:
        """A weight for each face, 1 in all and none where it is not chosen.

        Strangers weigh half of it, and every person who is there the same, with however many faces.
        """
        count = np.bincount(self.classes[chosen], minlength=self.people + 1)
        there = max(1, int((count[:-1] > 0).sum()))
        of_class = np.append(np.full(self.people, (1 - _STRANGERS_SHARE) / there), _STRANGERS_SHARE)
        return np.where(chosen, (of_class / np.maximum(count, 1))[self.classes], 0.0).astype(np.float32)
