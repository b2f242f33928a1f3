"""Whether a one-file recognizer sees and says what the service would."""

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

from constants.faces import DETECTION_SIDE
from modelization.face_recognizer import Doubt
from preprocessor.face_pipeline import FacePipeline
from preprocessor.graphs.onnx_session import make_session
from preprocessor.quality import unfit_to_judge
from preprocessor.types import EncodedFace, EncodedImage, Floats, Pixels

#: Pixels of the picture that the detector sees; largest difference of a box's edge.
_MAX_BOX_PIXELS = 1.0
#: Pixels of the photo; largest difference of a landmark. Landmarks are whole pixels: so they are the same.
_MAX_LANDMARK_PIXELS = 0.5
#: Largest Euclidean distance of two encodings of a face; a twentieth of the distance between two pictures of
#: a person. Over 985 faces it was 0.0010 at the most, from chips whose grey values differ by one here and there.
_MAX_ENCODING_DISTANCE = 0.02
#: Largest difference of a confidence between a name and none: a face whose confidence is this near to the threshold
#: may be named by one side and not by the other. Over 267 faces confidences were up to 0.0016 apart.
_MAX_CONFIDENCE_GAP = 0.01


@dataclass(frozen=True)
class PhotoParity:
    """How far a file and the service are apart, at the most, over the faces of some pictures.

    ``box_pixels`` are pixels of the picture that the detector sees, ``landmark_pixels`` those of the photo;
    ``encoding_distance`` is Euclidean. ``unpaired`` faces were found by one side only. ``other_names`` counts
    faces that got another name, without the ``undecided``: at the threshold, where one side names them and the other
    does not, or as good as equally likely to be either of two people.
    """

    pictures: int
    faces: int
    unpaired: int
    box_pixels: float
    landmark_pixels: float
    encoding_distance: float
    other_names: int
    undecided: int

    @property
    def holds(self) -> bool:
        """Whether nothing is further apart than it may be; not a number is too far."""
        return (
            self.faces > 0
            and self.unpaired == 0
            and self.box_pixels <= _MAX_BOX_PIXELS
            and self.landmark_pixels <= _MAX_LANDMARK_PIXELS
            and self.encoding_distance <= _MAX_ENCODING_DISTANCE
            and self.other_names == 0
        )


class Named(NamedTuple):
    """A face as one side sees it.

    ``person`` is -1 for somebody unknown or not judged, ``everyone`` is how sure it is of each.
    """

    box: npt.NDArray[np.floating]
    landmarks: npt.NDArray[np.floating]
    encoding: npt.NDArray[np.floating]
    person: int
    confidence: float
    everyone: npt.NDArray[np.floating] | None = None


class OneFile:
    """A one-file recognizer."""

    def __init__(self, path: Path) -> None:
        self._session = make_session(path)

    def faces(self, pixels: Pixels) -> list[Named]:
        names = ["boxes", "landmarks", "encodings", "people", "confidences"]
        return [Named(*face) for face in zip(*self._session.run(names, {"photo": pixels}), strict=True)]


class Service:
    """The service's pipeline, which finds every face, and a head behind it."""

    def __init__(self, pipeline: FacePipeline, head: bytes) -> None:
        self._pipeline = pipeline
        self._head = make_session(head)
        said = self._head.get_modelmeta().custom_metadata_map
        self._threshold = float(said["threshold"])
        # As in ``photo_onnx.py``: heads of releases before 1.0.0 have no strictness.
        self._doubt = Doubt.around(self._threshold, float(said.get("strictness", 0.0)))

    def faces(self, pixels: Pixels) -> list[Named]:
        # From a format without loss, and without the reduced decoding of JPEG: both sides see the same pixels.
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, "BMP")
        (image,) = self._pipeline.encode([buffer.getvalue()], in_doubt=self._in_doubt)
        return [self._named(face, image) for face in image.faces] if isinstance(image, EncodedImage) else []

    def _in_doubt(self, encodings: Floats) -> npt.NDArray[np.bool_]:
        best = self._confidences(encodings).max(axis=1)
        return np.asarray((self._doubt.least <= best) & (best <= self._doubt.most))

    def _confidences(self, encodings: Floats) -> npt.NDArray[np.float32]:
        return np.asarray(self._head.run(["confidence"], {"encodings": encodings})[0])

    def _named(self, face: EncodedFace, image: EncodedImage) -> Named:
        box = face.detected.box.within(image.width, image.height)
        (confidences,) = self._confidences(face.encoding[None])
        person, confidence = int(confidences.argmax()), float(confidences.max())
        sides = np.array((box.left, box.top, box.right, box.bottom))
        is_judged = unfit_to_judge(face.quality) is None
        named = person if is_judged and confidence >= self._threshold else -1
        return Named(sides, face.landmarks, face.encoding, named, confidence, confidences)


def compare(file: OneFile, service: Service, pictures: Iterable[Pixels]) -> PhotoParity:
    """How far the two are apart over some pictures, uint8 (rows, columns, 3) RGB."""
    count = unpaired = 0
    apart: list[_Apart] = []
    for pixels in pictures:
        ours, theirs = service.faces(pixels), file.faces(pixels)
        scale = min(1.0, DETECTION_SIDE / max(pixels.shape))
        pairs = _pairs(ours, theirs)
        count += 1
        unpaired += len(ours) + len(theirs) - 2 * len(pairs)
        apart += [_Apart.of(*pair, scale) for pair in pairs]
    # numpy's maximum of anything that is not a number is not one either.
    box, landmark, encoding = np.max([face[:3] for face in apart] or [(0.0, 0.0, 0.0)], axis=0).tolist()
    other = [face for face in apart if face.other_name]
    undecided = sum(face.undecided for face in other)
    return PhotoParity(count, len(apart), unpaired, box, landmark, encoding, len(other) - undecided, undecided)


class _Apart(NamedTuple):
    """How far two sides of a face are apart."""

    box_pixels: float
    landmark_pixels: float
    encoding_distance: float
    other_name: bool
    undecided: bool

    @classmethod
    def of(cls, ours: Named, theirs: Named, scale: float) -> "_Apart":
        return cls(
            np.abs(ours.box - theirs.box).max() * scale,
            np.abs(ours.landmarks - theirs.landmarks).max(),
            float(np.linalg.norm(ours.encoding - theirs.encoding)),
            ours.person != theirs.person,
            abs(ours.confidence - _rival(ours, theirs)) <= _MAX_CONFIDENCE_GAP,
        )


def _rival(ours: Named, theirs: Named) -> float:
    """The confidence that lost against ours: our own in the person whom they name, or theirs where one names nobody."""
    if min(ours.person, theirs.person) < 0 or ours.everyone is None:
        return theirs.confidence
    return float(ours.everyone[theirs.person])


def _pairs(ours: Sequence[Named], theirs: Sequence[Named]) -> list[tuple[Named, Named]]:
    """The faces of one side with those nearest to them of the other, each taken once."""
    left = list(theirs)
    pairs = []
    for face in ours[: len(theirs)]:
        nearest = min(range(len(left)), key=lambda index: np.abs(face.box - left[index].box).sum())
        pairs.append((face, left.pop(nearest)))
    return pairs
