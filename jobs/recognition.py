"""A recognition: photos and a finished recognizer in, the faces and their names out."""

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from constants.exceptions import ImageRejected, NotFound, NotReady
from constants.jobs import KEPT_RECOGNIZERS_BYTES
from constants.settings import Settings
from jobs import stages
from modelization.recognizer import Identification, Recognizer
from preprocessor.types import EncodedFace, EncodedImage
from preprocessor.version import settings_of


class RecognizerCache:
    """Recognizers kept ready, the least recently used going first once they outgrow ``max_bytes``."""

    def __init__(self, max_bytes: int = KEPT_RECOGNIZERS_BYTES) -> None:
        self._max_bytes = max_bytes
        self._kept: OrderedDict[Path, tuple[Recognizer, int]] = OrderedDict()

    def get(self, path: Path) -> Recognizer:
        """The recognizer of a dump, which never changes. Raises ``NotFound`` where it was deleted meanwhile."""
        try:
            size = path.stat().st_size  # asked every time: what was deleted must not be served from memory
        except FileNotFoundError:
            self._kept.pop(path, None)
            raise NotFound("This recognizer has no such version any more.") from None
        if path not in self._kept:
            self._kept[path] = Recognizer.load(path), size
        self._kept.move_to_end(path)
        while len(self._kept) > 1 and sum(size for _, size in self._kept.values()) > self._max_bytes:
            self._kept.popitem(last=False)
        return self._kept[path][0]


def recognize(recognizer: Recognizer, images: Sequence[bytes], settings: Settings) -> list[dict[str, Any]]:
    """For each photo its sides and faces as JSON, or the reason why it cannot be used.

    The pipeline is the one that the recognizer was built with, whatever the service builds with now.
    Raises ``NotReady`` for a recognizer whose pipeline is no longer known.
    """
    try:
        own = settings_of(recognizer.pipeline_version, settings)
    except ValueError as error:
        raise NotReady("This recognizer was built with a face pipeline that is gone; build it anew.") from error
    encoded = stages.pipeline(own).encode(images)
    faces = [face for image in encoded if isinstance(image, EncodedImage) for face in image.faces]
    # All faces at once: the network's overhead is greater than its work.
    named = iter(recognizer.identify(np.stack([face.encoding for face in faces])) if faces else ())
    return [_answer(image, named) for image in encoded]


def _answer(image: EncodedImage | ImageRejected, named: Iterator[Identification]) -> dict[str, Any]:
    if isinstance(image, ImageRejected):
        return {"reason": image.reason, "message": str(image), "faces": []}
    return {
        "width": image.width,
        "height": image.height,
        "faces": [_face(face, next(named)) for face in image.faces],
    }


def _face(face: EncodedFace, who: Identification) -> dict[str, Any]:
    box = face.detected.box
    return {
        "box": {
            "x_min": round(box.left),
            "y_min": round(box.top),
            "x_max": round(box.right),
            "y_max": round(box.bottom),
            "probability": round(face.detected.probability, 4),
        },
        "landmarks": np.round(face.landmarks, 1).tolist(),
        "person": who.person,
        "confidence": round(who.confidence, 4),
        "candidates": [
            {"person": candidate.person, "confidence": round(candidate.confidence, 4)} for candidate in who.candidates
        ],
    }
