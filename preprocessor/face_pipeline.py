"""The face pipeline: pictures in, encoded faces out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from constants.exceptions import ImageRejected
from constants.faces import CHIP_PADDING, CHIP_SIDE, DETECTION_SIDE
from constants.reasons import Reason
from constants.settings import Settings
from preprocessor.alignment import Aligner
from preprocessor.cascade_detector import CascadeDetector
from preprocessor.decoding import Photo
from preprocessor.detector import Detector
from preprocessor.dlib_encoder import DlibEncoder
from preprocessor.encoder import Encoder
from preprocessor.every_face_detector import EveryFaceDetector
from preprocessor.hog_detector import HogDetector
from preprocessor.hog_graph_detector import HogGraphDetector
from preprocessor.media_formats import rejected
from preprocessor.mmod_detector import MmodDetector
from preprocessor.onnx_encoder import OnnxEncoder
from preprocessor.quality import face_quality
from preprocessor.steps import BeforeEach, unwatched
from preprocessor.types import AlignedFace, DetectedFace, EncodedFace, EncodedImage, Floats, Pixels
from preprocessor.views import InDoubt, ViewsEncoder

#: Pixels of a face's box in the picture that its landmarks and chip are taken from, where the photo has
#: as many. The chip needs 100, but dlib's landmarks are whole pixels and jump on turned faces when a few pixels
#: change: from half the pixels one encoding in twenty moves by over 0.05, even for faces of 1600 pixels.
#: So only photos far above 12 megapixels are reduced, to save memory.
CHIP_SOURCE_FACE_SIDE = 1600
#: Faces that are encoded at a time: enough to keep the encoder busy, few enough to be one step of a crowd's.
_FACES_AT_ONCE = 32


class Detectors(NamedTuple):
    """What finds every face, and what finds those of a picture that is known to be one person's: the first of all."""

    every: Detector
    own: Detector

    @classmethod
    def same(cls, detector: Detector) -> "Detectors":
        """One detector for both."""
        return cls(detector, detector)


@dataclass(frozen=True)
class _AlignedImage:
    width: int
    height: int
    faces: tuple[AlignedFace, ...]
    first_of_several: bool


class FacePipeline:
    """Decode, detect, align, encode. An instance belongs to one thread."""

    def __init__(self, detectors: Detectors, aligner: Aligner, encoder: ViewsEncoder) -> None:
        self._detectors = detectors
        self._aligner = aligner
        self._encoder = encoder

    def encode(
        self,
        images: Sequence[bytes | Path],
        before_each: BeforeEach = unwatched,
        every_face: bool = True,
        in_doubt: InDoubt | None = None,
    ) -> list[EncodedImage | ImageRejected]:
        """The faces of every picture; a picture that cannot be used gives the reason in its place.

        Without ``every_face`` each is searched as far as it takes to find one person's. With ``in_doubt`` a face is
        looked at in a single view where that leaves no doubt. The pictures, given by their bytes or paths, are decoded
        one after the other; the chips of all go through the encoder together.
        ``before_each`` is called before each picture, and before each few of those chips. Raises ``FileNotFoundError``
        where a picture is gone.
        """
        detector = self._detectors.every if every_face else self._detectors.own
        aligned = [self._align(image, detector, before_each) for image in images]
        found = [image for image in aligned if isinstance(image, _AlignedImage)]
        encodings = self._encodings([face.chip for image in found for face in image.faces], before_each, in_doubt)
        return [
            EncodedImage(
                image.width,
                image.height,
                tuple(
                    EncodedFace(face.detected, face.landmarks, next(encodings), face_quality(face))
                    for face in image.faces
                ),
                image.first_of_several,
            )
            if isinstance(image, _AlignedImage)
            else image
            for image in aligned
        ]

    def _align(self, image: bytes | Path, detector: Detector, before_each: BeforeEach) -> _AlignedImage | ImageRejected:
        before_each()
        try:
            photo = Photo(image)
            found = self._detect(photo, detector)
            faces = self._align_faces(photo, found)
            return _AlignedImage(photo.width, photo.height, faces, photo.first_of_several)
        except ImageRejected as rejection:
            return rejection

    def _encodings(
        self, chips: Sequence[Pixels], before_each: BeforeEach, in_doubt: InDoubt | None
    ) -> Iterator[Floats]:
        for start in range(0, len(chips), _FACES_AT_ONCE):
            before_each()
            some = np.stack(chips[start : start + _FACES_AT_ONCE])
            yield from self._encoder.encode_in_doubt(some, in_doubt) if in_doubt else self._encoder.encode(some)

    def _detect(self, photo: Photo, detector: Detector) -> list[DetectedFace]:
        """Faces in the photo's own pixels, found in a reduced picture where the photo is large."""
        working = photo.within(DETECTION_SIDE)
        x, y = photo.width / working.shape[1], photo.height / working.shape[0]
        found = [DetectedFace(face.box.scaled(x, y), face.score) for face in detector.detect(working)]
        # A chip shows so much more than a box.
        whole = [face for face in found if photo.is_whole(face.box.grown(CHIP_PADDING))]
        if not whole and photo.is_cut:
            raise rejected(Reason.DAMAGED_IMAGE)
        return whole

    def _align_faces(self, photo: Photo, faces: list[DetectedFace]) -> tuple[AlignedFace, ...]:
        """Chips cut at no coarser a scale than the smallest face needs; landmarks in the photo's own pixels."""
        if not faces:
            return ()
        source = photo.pixels(min(1.0, CHIP_SOURCE_FACE_SIDE / min(face.box.width for face in faces)))
        x, y = source.shape[1] / photo.width, source.shape[0] / photo.height
        aligned = [self._aligner.align(source, DetectedFace(face.box.scaled(x, y), face.score)) for face in faces]
        return tuple(
            # A landmark is the middle of a pixel, half a pixel from the edges that sides are measured between.
            AlignedFace(face, (cut.landmarks + 0.5) / (x, y) - 0.5, cut.chip)
            for face, cut in zip(faces, aligned, strict=True)
        )


def make_pipeline(settings: Settings) -> FacePipeline:
    """A pipeline of its own for the calling thread; the networks' graphs are kept in the data folder."""
    cv2.setNumThreads(1)  # workers are the parallelism
    encoder: Encoder = DlibEncoder() if settings.encoder == "dlib" else OnnxEncoder(graphs_folder(settings))
    views = ViewsEncoder(encoder, settings.views)
    return FacePipeline(make_detectors(settings), Aligner(), views)


def make_detectors(settings: Settings) -> Detectors:
    """The detectors that the settings name."""
    graphs = graphs_folder(settings)
    hog = (HogDetector(), HogDetector(upsample=1))
    mmod = MmodDetector(graphs)
    match settings.detector:
        case "every":
            # As graphs, so that a recognizer's own file finds the very same faces.
            passes = (HogGraphDetector(graphs), HogGraphDetector(graphs, small=True))
            return Detectors(EveryFaceDetector(passes, mmod), CascadeDetector((*passes, mmod)))
        case "cascade":
            return Detectors.same(CascadeDetector((*hog, mmod)))
        case "hog":
            return Detectors.same(CascadeDetector(hog))
    return Detectors.same(mmod)


def graphs_folder(settings: Settings) -> Path:
    """Where the networks' graphs are kept."""
    return settings.data_dir / "graphs"


def prepare_graphs(settings: Settings) -> None:
    """Make the networks' graphs that are missing from the data folder, by using each network once."""
    graphs = graphs_folder(settings)
    nothing = np.zeros((CHIP_SIDE, CHIP_SIDE, 3), np.uint8)
    OnnxEncoder(graphs).encode(nothing[None])
    make_detectors(settings.model_copy(update={"detector": "every"})).every.detect(nothing)
