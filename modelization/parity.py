"""The proof that a one-file recognizer sees and says what the service would, led in a fresh process."""

import io
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

from constants.exceptions import BuildFailed, ImageRejected
from constants.faces import DETECTION_SIDE
from constants.portable import (
    PARITY_BOX_PIXELS,
    PARITY_CONFIDENCE,
    PARITY_ENCODING_DISTANCE,
    PARITY_LANDMARK_PIXELS,
    PARITY_PICTURES,
    PHOTO_ONNX,
)
from constants.settings import Settings
from modelization.drawn_portraits import drawn_portraits
from preprocessor.decoding import Photo
from preprocessor.onnx_session import make_session
from preprocessor.pipeline import make_pipeline
from preprocessor.types import EncodedFace, EncodedImage, Pixels

_HEAD, _PICTURE = "head.onnx", "picture"


@dataclass(frozen=True)
class PhotoParity:
    """How far a file and the service are apart, at the most, over the faces of some pictures.

    ``box_pixels`` are pixels of the picture that the detector sees, ``landmark_pixels`` those of the photo;
    ``encoding_distance`` is Euclidean. ``unpaired`` faces were found by one side only. ``other_names`` counts
    faces that got another name, without those ``on_the_threshold``: of as good as the same confidence, which one
    side names and the other does not.
    """

    pictures: int
    faces: int
    unpaired: int
    box_pixels: float
    landmark_pixels: float
    encoding_distance: float
    other_names: int
    on_the_threshold: int

    @property
    def holds(self) -> bool:
        """Whether nothing is further apart than it may be; not a number is too far."""
        return (
            self.faces > 0
            and self.unpaired == 0
            and self.box_pixels <= PARITY_BOX_PIXELS
            and self.landmark_pixels <= PARITY_LANDMARK_PIXELS
            and self.encoding_distance <= PARITY_ENCODING_DISTANCE
            and self.other_names == 0
        )


def prove_photo_parity(
    model: bytes, head: bytes, settings: Settings, pictures: Sequence[bytes] | None = None
) -> PhotoParity:
    """Load a one-file recognizer in a fresh process and compare it with the service's own pipeline and ``head``.

    On up to twelve held-out ``pictures``, where a build kept them, and always on three drawn faces. Raises
    ``BuildFailed`` where the two are not the same.
    """
    with tempfile.TemporaryDirectory(prefix="facial-parity-") as name:
        folder = Path(name)
        (folder / PHOTO_ONNX).write_bytes(model)
        (folder / _HEAD).write_bytes(head)
        for number, picture in enumerate((pictures or ())[:PARITY_PICTURES]):
            (folder / f"{_PICTURE}{number}").write_bytes(picture)
        command = [sys.executable, "-m", __name__, name, str(settings.data_dir), str(settings.views)]
        ended = subprocess.run(command, cwd=Path(__file__).parents[1], stdout=subprocess.PIPE, text=True, check=False)
    if ended.returncode:
        raise BuildFailed("The exported recognizer cannot be run; build it again, and report this if it stays.")
    parity = PhotoParity(**json.loads(ended.stdout))
    if not parity.holds:
        raise BuildFailed(
            f"The exported recognizer is not the service's: {parity}; build it again, and report this if it stays."
        )
    return parity


class Named(NamedTuple):
    """A face as one side sees it; ``person`` is -1 for somebody unknown."""

    box: npt.NDArray[np.floating]
    landmarks: npt.NDArray[np.floating]
    encoding: npt.NDArray[np.floating]
    person: int
    confidence: float


class OneFile:
    """A one-file recognizer."""

    def __init__(self, path: Path) -> None:
        self._session = make_session(path)

    def faces(self, pixels: Pixels) -> list[Named]:
        names = ["boxes", "landmarks", "encodings", "people", "confidences"]
        return [Named(*face) for face in zip(*self._session.run(names, {"photo": pixels}), strict=True)]


class Service:
    """The service's pipeline with the MMOD detector, and a head behind it."""

    def __init__(self, settings: Settings, head: bytes) -> None:
        self._pipeline = make_pipeline(settings.model_copy(update={"detector": "mmod"}))
        self._head = make_session(head)
        self._threshold = float(self._head.get_modelmeta().custom_metadata_map["threshold"])

    def faces(self, pixels: Pixels) -> list[Named]:
        # From a format without loss, and without the reduced decoding of JPEG: both sides see the same pixels.
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, "BMP")
        (image,) = self._pipeline.encode([buffer.getvalue()])
        return [self._named(face) for face in image.faces] if isinstance(image, EncodedImage) else []

    def _named(self, face: EncodedFace) -> Named:
        box = face.detected.box
        (confidences,) = self._head.run(["confidence"], {"encodings": face.encoding[None]})[0]
        person, confidence = int(confidences.argmax()), float(confidences.max())
        sides = np.array((box.left, box.top, box.right, box.bottom))
        named = person if confidence >= self._threshold else -1
        return Named(sides, face.landmarks, face.encoding, named, confidence)


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
    touching = sum(face.on_the_threshold for face in other)
    return PhotoParity(count, len(apart), unpaired, box, landmark, encoding, len(other) - touching, touching)


class _Apart(NamedTuple):
    """How far two sides of a face are apart."""

    box_pixels: float
    landmark_pixels: float
    encoding_distance: float
    other_name: bool
    on_the_threshold: bool

    @classmethod
    def of(cls, ours: Named, theirs: Named, scale: float) -> "_Apart":
        return cls(
            np.abs(ours.box - theirs.box).max() * scale,
            np.abs(ours.landmarks - theirs.landmarks).max(),
            float(np.linalg.norm(ours.encoding - theirs.encoding)),
            ours.person != theirs.person,
            min(ours.person, theirs.person) < 0 and abs(ours.confidence - theirs.confidence) <= PARITY_CONFIDENCE,
        )


def _pairs(ours: Sequence[Named], theirs: Sequence[Named]) -> list[tuple[Named, Named]]:
    """The faces of one side with those nearest to them of the other, each taken once."""
    left = list(theirs)
    pairs = []
    for face in ours[: len(theirs)]:
        nearest = min(range(len(left)), key=lambda index: np.abs(face.box - left[index].box).sum())
        pairs.append((face, left.pop(nearest)))
    return pairs


def _main() -> None:
    folder, data_dir, views = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    settings = Settings(data_dir=data_dir, views=views)
    parity = compare(OneFile(folder / PHOTO_ONNX), Service(settings, (folder / _HEAD).read_bytes()), _pictures(folder))
    print(json.dumps(asdict(parity)))


def _pictures(folder: Path) -> Iterator[Pixels]:
    yield drawn_portraits()
    for path in sorted(folder.glob(f"{_PICTURE}*")):
        try:
            yield Photo(path.read_bytes()).pixels()
        except ImageRejected:
            continue


if __name__ == "__main__":
    _main()
