"""Names for encodings, from a bundle alone: no TensorFlow, no service."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from constants.exceptions import BundleInvalid
from constants.faces import ENCODING_SIZE
from modelization.bundle.bundle_file import HEAD_ONNX, open_bundle
from modelization.bundle.manifest import Manifest
from preprocessor.graphs.onnx_session import make_session

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


class Recognizer:
    """Names faces by their encodings. One instance may serve several threads."""

    def __init__(self, manifest: Manifest, head: bytes) -> None:
        """Raises ``BundleInvalid`` where the head is not an ONNX model for these labels."""
        self.manifest = manifest
        self.labels = manifest.labels
        self.threshold = manifest.threshold
        self.pipeline_version = manifest.pipeline_version
        try:
            self._session = make_session(head)
            confidence = self._session.run(["confidence"], {"encodings": np.zeros((1, ENCODING_SIZE), np.float32)})[0]
        except Exception as error:  # ONNX Runtime's errors share no class of their own
            raise BundleInvalid(f"{HEAD_ONNX} cannot be run; download the recognizer again.") from error
        if confidence.shape != (1, len(self.labels)):
            raise BundleInvalid(f"{HEAD_ONNX} is not made for this recognizer's people; download it again.")

    @classmethod
    def load(cls, path: Path) -> "Recognizer":
        """The recognizer of a bundle. Raises ``BundleInvalid`` where it is damaged or foreign."""
        bundle = open_bundle(path, only={HEAD_ONNX})
        return cls(bundle.manifest, bundle.files[HEAD_ONNX])

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
        confidences = self._session.run(["confidence"], {"encodings": np.ascontiguousarray(encodings)})[0]
        return [self._identification(row) for row in confidences]

    def _identification(self, confidences: npt.NDArray[np.float32]) -> Identification:
        best = np.argsort(-confidences, kind="stable")[:MAX_CANDIDATES]
        candidates = tuple(Candidate(self.labels[person], float(confidences[person])) for person in best)
        first = candidates[0]
        return Identification(
            first.person if first.confidence >= self.threshold else None, first.confidence, candidates
        )
