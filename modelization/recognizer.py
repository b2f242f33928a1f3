"""Names for encodings, from a bundle alone: no TensorFlow, no service."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt

from constants.exceptions import BundleInvalid
from constants.faces import ENCODING_SIZE
from modelization.bundle.bundle_file import HEAD_ONNX, open_bundle
from modelization.bundle.external_tensors import refuse_external_tensors
from modelization.bundle.manifest import Manifest
from modelization.face_recognizer import Doubt, FaceRecognizer
from preprocessor.graphs.onnx_session import make_session


class Recognizer(FaceRecognizer):
    """Names faces by the head of a bundle. One instance may serve several threads."""

    def __init__(self, manifest: Manifest, head: bytes) -> None:
        """Raises ``BundleInvalid`` where the head is not an ONNX model for these labels."""
        super().__init__(manifest.labels, manifest.threshold, manifest.pipeline_version, _doubt(manifest))
        self.manifest = manifest
        refuse_external_tensors(head)
        with _running():
            self._session = make_session(head)
        self._confidences(np.zeros((1, ENCODING_SIZE), np.float32))

    @classmethod
    def load(cls, path: Path) -> "Recognizer":
        """The recognizer of a bundle. Raises ``BundleInvalid`` where it is damaged or foreign."""
        bundle = open_bundle(path, only={HEAD_ONNX})
        return cls(bundle.manifest, bundle.files[HEAD_ONNX])

    def _confidences(self, encodings: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        with _running():
            found = self._session.run(["confidence"], {"encodings": np.ascontiguousarray(encodings)})[0]
            confidences = np.asarray(found, np.float32)
        if confidences.shape != (len(encodings), len(self.labels)):
            raise BundleInvalid(f"{HEAD_ONNX} is not made for this recognizer's people; download it again.")
        return confidences


def _doubt(manifest: Manifest) -> Doubt | None:
    """Where a face's first view leaves doubt; None where all views are looked at in any case."""
    if manifest.doubt_margin is None:
        return None
    return Doubt.around(manifest.threshold, manifest.strictness, manifest.doubt_margin)


@contextmanager
def _running() -> Iterator[None]:
    """Say of a head that ONNX Runtime cannot run that it is none."""
    try:
        yield
    except MemoryError:
        raise
    except Exception as error:  # ONNX Runtime's errors share no class of their own
        raise BundleInvalid(f"{HEAD_ONNX} cannot be run; download the recognizer again.") from error
