"""Names for encodings: what every recognizer does, whatever makes its confidences."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from constants.faces import ENCODING_SIZE
from modelization.decision.usable import usable

#: Candidates named for a face.
MAX_CANDIDATES = 5


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

    def __init__(self, labels: tuple[str, ...], threshold: float, pipeline_version: str) -> None:
        self.labels = labels
        self.threshold = threshold
        self.pipeline_version = pipeline_version

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

    @abstractmethod
    def _confidences(self, encodings: npt.NDArray[np.float32]) -> npt.NDArray[np.floating]:
        """How sure each face is each person, (n, people), 0 to 1, of encodings that can be judged."""

    def _identification(self, confidences: npt.NDArray[np.floating]) -> Identification:
        best = np.argsort(-confidences, kind="stable")[:MAX_CANDIDATES]
        candidates = tuple(Candidate(self.labels[person], float(confidences[person])) for person in best)
        first = candidates[0]
        return Identification(
            first.person if first.confidence >= self.threshold else None, first.confidence, candidates
        )
