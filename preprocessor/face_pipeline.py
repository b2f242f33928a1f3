"""The face pipeline: pictures in, encoded faces out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

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
from preprocessor.hog_detector import HogDetector
from preprocessor.media_formats import rejected
from preprocessor.mmod_detector import MmodDetector
from preprocessor.onnx_encoder import OnnxEncoder
from preprocessor.quality import face_quality
from preprocessor.steps import BeforeEach, unwatched
from preprocessor.types import AlignedFace, DetectedFace, EncodedFace, EncodedImage, Floats, Pixels
from preprocessor.views import ViewsEncoder

#: Pixels of a face's box in the picture that its landmarks and chip are taken from, where the photo has
#: as many. The chip needs 100, but dlib's landmarks are whole pixels and jump on turned faces when a few pixels
#: change: from half the pixels one encoding in twenty moves by over 0.05, even for faces of 1600 pixels.
#: So only photos far above 12 megapixels are reduced, to save memory.
CHIP_SOURCE_FACE_SIDE = 1600
#: Faces that are encoded at a time: enough to keep the encoder busy, few enough to be one step of a crowd's.
_FACES_AT_ONCE = 32


@dataclass(frozen=True)
class _AlignedImage:
    width: int
    height: int
    faces: tuple[AlignedFace, ...]


class FacePipeline:
    """Decode, detect, align, encode. An instance belongs to one thread."""

    def __init__(self, detector: Detector, aligner: Aligner, encoder: Encoder) -> None:
        self._detector = detector
        self._aligner = aligner
        self._encoder = encoder

    def encode(
        self, images: Sequence[bytes | Path], before_each: BeforeEach = unwatched
    ) -> list[EncodedImage | ImageRejected]:
        """Every face of every picture; a picture that cannot be used gives the reason in its place.

        The pictures, given by their bytes or paths, are decoded one after the other; the chips of all go through the
        encoder together. ``before_each`` is called before each picture, and before each few of those chips. Raises
        ``FileNotFoundError`` where a picture is gone.
        """
        aligned = [self._align(image, before_each) for image in images]
        found = [image for image in aligned if isinstance(image, _AlignedImage)]
        encodings = self._encodings([face.chip for image in found for face in image.faces], before_each)
        return [
            EncodedImage(
                image.width,
                image.height,
                tuple(
                    EncodedFace(face.detected, face.landmarks, next(encodings), face_quality(face))
                    for face in image.faces
                ),
            )
            if isinstance(image, _AlignedImage)
            else image
            for image in aligned
        ]

    def _align(self, image: bytes | Path, before_each: BeforeEach) -> _AlignedImage | ImageRejected:
        before_each()
        try:
            photo = Photo(image)
            found = self._detect(photo)
            return _AlignedImage(photo.width, photo.height, self._align_faces(photo, found))
        except ImageRejected as rejection:
            return rejection

    def _encodings(self, chips: Sequence[Pixels], before_each: BeforeEach) -> Iterator[Floats]:
        for start in range(0, len(chips), _FACES_AT_ONCE):
            before_each()
            yield from self._encoder.encode(np.stack(chips[start : start + _FACES_AT_ONCE]))

    def _detect(self, photo: Photo) -> list[DetectedFace]:
        """Faces in the photo's own pixels, found in a reduced picture where the photo is large."""
        working = photo.within(DETECTION_SIDE)
        x, y = photo.width / working.shape[1], photo.height / working.shape[0]
        found = [DetectedFace(face.box.scaled(x, y), face.score) for face in self._detector.detect(working)]
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
    encoder = DlibEncoder() if settings.encoder == "dlib" else OnnxEncoder(graphs_folder(settings))
    return FacePipeline(make_detector(settings), Aligner(), ViewsEncoder(encoder, settings.views))


def make_detector(settings: Settings) -> Detector:
    """The detectors that the settings name, each asked where the one before found nothing."""
    hog = (HogDetector(), HogDetector(upsample=1))
    mmod = MmodDetector(graphs_folder(settings))
    return CascadeDetector({"hog": hog, "mmod": (mmod,), "cascade": (*hog, mmod)}[settings.detector])


def graphs_folder(settings: Settings) -> Path:
    """Where the networks' graphs are kept."""
    return settings.data_dir / "graphs"


def prepare_graphs(settings: Settings) -> None:
    """Make the networks' graphs that are missing from the data folder, by using each network once."""
    graphs = graphs_folder(settings)
    OnnxEncoder(graphs).encode(np.zeros((1, CHIP_SIDE, CHIP_SIDE, 3), np.uint8))
    MmodDetector(graphs).detect(np.zeros((CHIP_SIDE, CHIP_SIDE, 3), np.uint8))
