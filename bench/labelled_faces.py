"""The labelled faces of a data set, encoded by every side of a comparison in one pass."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bench.harness import progress
from constants.exceptions import ImageRejected
from constants.faces import CHIP_SIDE
from constants.settings import Settings
from features.labelled_face import labelled_face
from features.store import FaceFeatures, ImageFeatures
from preprocessor.alignment import Aligner
from preprocessor.dlib_encoder import DlibEncoder
from preprocessor.encoder import Encoder
from preprocessor.face_pipeline import Detectors, FacePipeline, graphs_folder, make_detectors
from preprocessor.onnx_encoder import OnnxEncoder
from preprocessor.types import EncodedImage, Floats, Pixels
from preprocessor.views import ViewsEncoder

#: Views of each of our sides, by the suffix of its figures; the default has none.
VIEWS = {"": 2, "_views1": 1, "_views6": 6}
#: Suffix of the figures of dlib's own encoder.
DLIB = "_dlib"


@dataclass(frozen=True)
class LabelledFaces:
    """``people`` is int64 (n,); ``encodings`` float32 (n, 128) of each side, by suffix.

    dlib's are NaN where not ``by_dlib``, bool (n,).
    """

    people: npt.NDArray[np.int64]
    by_dlib: npt.NDArray[np.bool_]
    encodings: dict[str, Floats]

    def of_dlib(self) -> "LabelledFaces":
        """Those faces alone that every side has encoded."""
        return self.chosen(self.by_dlib)

    def chosen(self, rows: npt.NDArray[np.bool_]) -> "LabelledFaces":
        """Some of the faces."""
        encodings = {suffix: encodings[rows] for suffix, encodings in self.encodings.items()}
        return LabelledFaces(self.people[rows], self.by_dlib[rows], encodings)


def encode(pictures: Sequence[tuple[int, Path]], by_dlib: Collection[Path], settings: Settings) -> LabelledFaces:
    """Every person's pictures with a face; dlib's encoder, 25 times as slow, sees those ``by_dlib`` only."""
    pipeline = FacePipeline(Detectors.same(make_detectors(settings).own), Aligner(), ViewsEncoder(_Chips(), 1))
    dlib, shared = DlibEncoder(), _Remembering(OnnxEncoder(graphs_folder(settings)))
    # Most views first: the others then find theirs remembered.
    ours = {suffix: ViewsEncoder(shared, views) for suffix, views in sorted(VIEWS.items(), key=lambda i: -i[1])}
    people, seen = [], []
    encodings: dict[str, list[Floats]] = {suffix: [] for suffix in (*ours, DLIB)}
    for person, file in progress(pictures, "encoding"):
        chip = _labelled_chip(pipeline.encode([file.read_bytes()])[0])
        if chip is None:
            continue
        people.append(person)
        seen.append(file in by_dlib)
        shared.forget()
        for suffix, encoder in ours.items():
            encodings[suffix].append(encoder.encode(chip))
        encodings[DLIB].append(dlib.encode(chip) if seen[-1] else np.full((1, 128), np.nan, np.float32))
    return LabelledFaces(
        np.array(people), np.array(seen), {suffix: np.concatenate(rows) for suffix, rows in encodings.items()}
    )


class _Chips(Encoder):
    """Stands where a pipeline has its encoder, and gives the chips themselves in place of encodings."""

    name = "chips"

    def _encode(self, chips: Pixels) -> Floats:
        return chips.astype(np.float32)


class _Remembering(Encoder):
    """Another encoder, which encodes a chip once however often it is asked."""

    name = "remembering"

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self._known: dict[bytes, Floats] = {}

    def forget(self) -> None:
        self._known.clear()

    def _encode(self, chips: Pixels) -> Floats:
        keys = [chip.tobytes() for chip in chips]
        new = [index for index, key in enumerate(keys) if key not in self._known]
        self._known.update(zip([keys[index] for index in new], self._encoder.encode(chips[new]), strict=True))
        return np.stack([self._known[key] for key in keys])


def _labelled_chip(image: EncodedImage | ImageRejected) -> Pixels | None:
    """The chip (1, 150, 150, 3) of the face that a picture's label means, if there is any."""
    if isinstance(image, ImageRejected) or not image.faces:
        return None
    faces = []
    for face in image.faces:
        box = face.detected.box
        sides = box.left, box.top, box.right, box.bottom
        faces.append(FaceFeatures(sides, face.detected.score, face.landmarks, face.encoding))
    chosen = labelled_face(ImageFeatures(image.width, image.height, tuple(faces)))
    return image.faces[chosen].encoding.astype(np.uint8).reshape(1, CHIP_SIDE, CHIP_SIDE, 3)
