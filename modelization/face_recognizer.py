"""Names for encodings: what every recognizer does, whatever makes its confidences."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from math import copysign, inf, log, log1p
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from constants.faces import ENCODING_SIZE
from modelization.decision.confidence_curve import bent
from modelization.decision.decision_rule import logistic
from modelization.decision.usable import usable

#: Nats of the rule's logit from the threshold within which the first view of a face leaves doubt, so that the others
#: are asked for. With it at most 0.02 % of known people's faces and 0.025 % of strangers' get another answer than all
#: views give, at 5, 1 and 0.1 % of strangers named, and at 1 % 7 of 100 known faces and 3 of 100 strangers' are in
#: doubt (docs/design-notes.md).
DOUBT_MARGIN = 2.5
#: Candidates named for a face.
MAX_CANDIDATES = 5


class Doubt(NamedTuple):
    """Confidences, from one view of a face, between which its other views may decide whether it is named."""

    least: float
    most: float

    @classmethod
    def around(cls, threshold: float, strictness: float = 0.0, margin: float = DOUBT_MARGIN) -> "Doubt":
        """Those of the rule's logits that are no further from the threshold's than the margin."""
        middle = log(threshold) - log1p(-threshold) if 0 < threshold < 1 else copysign(inf, threshold - 0.5)
        return cls(*(float(logistic(middle + bent(nats, strictness))) for nats in (-margin, margin)))


@dataclass(frozen=True)
class Candidate:
    """A person whom a face may show, and how sure that is, 0 to 1."""

    person: str
    confidence: float


@dataclass(frozen=True)
class Identification:
    """Who a face shows: ``person`` is None for a stranger; ``candidates`` are by falling confidence."""

    person: str | None
    confidence: float
    candidates: tuple[Candidate, ...]


class FaceRecognizer(ABC):
    """Names faces by their encodings, made by ``pipeline_version``: the most confident person from ``threshold`` on."""

    def __init__(
        self, labels: tuple[str, ...], threshold: float, pipeline_version: str, doubt: Doubt | None = None
    ) -> None:
        self.labels = labels
        self.threshold = threshold
        self.pipeline_version = pipeline_version
        self._doubt = doubt

    def identify(self, encodings: npt.NDArray[np.float32]) -> list[Identification]:
        """Who each face shows, of raw encodings, float32 (n, 128), made by ``pipeline_version``.

        One that cannot be judged, being zero or not finite, shows nobody, with a confidence of zero. Raises
        ``ValueError`` for any other kind of array.
        """
        if encodings.ndim != 2 or encodings.shape[1] != ENCODING_SIZE or encodings.dtype != np.float32:
            raise ValueError(
                f"expected encodings (n, {ENCODING_SIZE}) float32, got {encodings.shape} {encodings.dtype}"
            )
        # Also here: a head of a bundle of format 1 does not know of it.
        is_usable = usable(encodings)[:, None]
        confidences = self._confidences(np.where(is_usable, encodings, np.float32(1)))
        return [self._identification(row) for row in np.where(is_usable, confidences, 0)]

    def in_doubt(self, encodings: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
        """Of which faces, by encodings from one view each, float32 (n, 128), the other views are needed as well."""
        if self._doubt is None:
            return np.ones(len(encodings), bool)
        best = np.array([found.confidence for found in self.identify(encodings)])
        return (self._doubt.least <= best) & (best <= self._doubt.most)

    @abstractmethod
    def _confidences(self, encodings: npt.NDArray[np.float32]) -> npt.NDArray[np.floating]:
        """How sure each face is each person, (n, people), 0 to 1, of encodings that can be judged."""

    def _identification(self, confidences: npt.NDArray[np.floating]) -> Identification:
        best = _first(confidences)
        candidates = tuple(Candidate(self.labels[person], float(confidences[person])) for person in best)
        first = candidates[0]
        return Identification(
            first.person if first.confidence >= self.threshold else None, first.confidence, candidates
        )


def _first(confidences: npt.NDArray[np.floating]) -> npt.NDArray[np.int64]:
    """The places of the ``MAX_CANDIDATES`` highest, falling, equal ones in their order; of many not all are sorted."""
    if len(confidences) <= MAX_CANDIDATES:
        return np.argsort(-confidences, kind="stable")
    least = np.partition(confidences, -MAX_CANDIDATES)[-MAX_CANDIDATES]
    some = np.flatnonzero(confidences >= least)
    return some[np.argsort(-confidences[some], kind="stable")[:MAX_CANDIDATES]]
