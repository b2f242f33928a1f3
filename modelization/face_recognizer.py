"""Names for encodings: what every recognizer does, whatever makes its confidences."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from constants.faces import ENCODING_SIZE

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
        """Who each face shows, of raw encodings, finite float32 (n, 128), made by ``pipeline_version``.

        Raises ``ValueError`` for any other kind of array.
        """
        if encodings.ndim != 2 or encodings.shape[1] != ENCODING_SIZE or encodings.dtype != np.float32:
            raise ValueError(
                f"expected encodings (n, {ENCODING_SIZE}) float32, got {encodings.shape} {encodings.dtype}"
            )
        if not np.isfinite(encodings).all():
            raise ValueError("an encoding holds a number that is not finite")
        return [self._identification(row) for row in self._confidences(encodings)]

    @abstractmethod
    def _confidences(self, encodings: npt.NDArray[np.float32]) -> npt.NDArray[np.floating]:
        """How sure each face is each person, (n, people), 0 to 1."""

    def _identification(self, confidences: npt.NDArray[np.floating]) -> Identification:
        best = np.argsort(-confidences, kind="stable")[:MAX_CANDIDATES]
        candidates = tuple(Candidate(self.labels[person], float(confidences[person])) for person in best)
        first = candidates[0]
        return Identification(
            first.person if first.confidence >= self.threshold else None, first.confidence, candidates
        )
