"""A video's frames as pictures: the sharpest of every moment, without those that show nothing new."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from statistics import median

import cv2
import numpy as np

from constants.reasons import Reason
from preprocessor.media_formats import is_video, rejected, unfit
from preprocessor.steps import BeforeEach, unwatched
from preprocessor.types import Pixels

#: Seconds between two frames that are taken from a video: people move, and what they show changes, in about that.
_VIDEO_INTERVAL_S = 0.5
#: Frames looked at for each one that is taken, the sharpest of them.
_VIDEO_CANDIDATES = 4
#: Frames taken from a video at most; from a longer one at longer intervals.
MAX_VIDEO_FRAMES = 120
#: Megapixels of a video that are decoded at most, two and a half minutes of full HD at 30 frames a second: bounded by
#: work and not by time, so that the same file always gives the same frames. What comes later is not seen.
_MAX_VIDEO_MEGAPIXELS = 9000
#: Megapixels that a frame counts as at least, for what each costs however small it is.
_LEAST_VIDEO_FRAME = 0.25
#: Pixels; longest side of a frame as it is kept: that of a full HD video, and enough for any face that moves.
VIDEO_SIDE = 1920
#: Share of the usual sharpness of a video's frames below which one is blurred.
_VIDEO_BLURRED = 0.3
#: Levels of a colour; largest difference to the frame before, both seen at 32 x 32 pixels, below which nothing has
#: happened. In a still scene with a camera's noise, saved as MPEG-4 or VP8, it was 6 at most; a head that turns a
#: little gave 61.
_VIDEO_STILL = 12

#: Frames a second where a video does not say, or says nonsense.
_USUAL_RATE, _HIGHEST_RATE = 25.0, 1000.0
#: JPEG quality of a frame: what a video's codec left is not lost again.
_QUALITY = 95
#: Pixels; longest side at which sharpness is measured, and side at which two frames are compared.
_SHARPNESS_SIDE, _COMPARED_SIDE = 320, 32

#: Sharpness, second, and BGR pixels of a frame.
_Candidate = tuple[float, float, Pixels]


@dataclass(frozen=True)
class VideoFrame:
    """A frame: the second it is shown at, a JPEG of it, and its sharpness, the variance of its Laplacian."""

    second: float
    jpeg: bytes
    sharpness: float


def video_frames(path: Path, before_each: BeforeEach = unwatched) -> list[VideoFrame]:
    """The frames of a video (``is_video``) that are worth a look, in their order; what is damaged is left out.

    ``before_each`` is called before each frame that is decoded. Raises ``ImageRejected`` where the file is none of
    these, or no frame of it can be decoded, is large enough or small enough.
    """
    if not is_video(path):
        raise rejected(Reason.NOT_AN_IMAGE)
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG, (cv2.CAP_PROP_N_THREADS, 1))
    try:
        _refuse_unfit(capture)
        taken = list(_worth_a_look(capture, before_each))
    except cv2.error as error:
        raise rejected(Reason.DAMAGED_VIDEO) from error
    finally:
        capture.release()
    if not taken:
        raise rejected(Reason.DAMAGED_VIDEO)
    usual = median(frame.sharpness for frame in taken)
    return [frame for frame in taken if frame.sharpness >= _VIDEO_BLURRED * usual]


def _refuse_unfit(capture: cv2.VideoCapture) -> None:
    if not capture.isOpened():
        raise rejected(Reason.DAMAGED_VIDEO)
    width, height = capture.get(cv2.CAP_PROP_FRAME_WIDTH), capture.get(cv2.CAP_PROP_FRAME_HEIGHT)
    reason = unfit(int(width), int(height))
    if reason is not None:
        raise rejected(reason)


def _worth_a_look(capture: cv2.VideoCapture, before_each: BeforeEach) -> Iterator[VideoFrame]:
    """Of every moment the sharpest frame, unless it looks like the one before."""
    before: Pixels | None = None
    for sharpness, second, pixels in islice(_moments(capture, before_each), MAX_VIDEO_FRAMES):
        seen = cv2.resize(pixels, (_COMPARED_SIDE, _COMPARED_SIDE), interpolation=cv2.INTER_AREA)
        if before is None or cv2.absdiff(seen, before).max() >= _VIDEO_STILL:
            before = np.asarray(seen, np.uint8)
            written, jpeg = cv2.imencode(".jpg", _within(pixels, VIDEO_SIDE), (cv2.IMWRITE_JPEG_QUALITY, _QUALITY))
            if written:
                yield VideoFrame(second, jpeg.tobytes(), sharpness)


def _moments(capture: cv2.VideoCapture, before_each: BeforeEach) -> Iterator[_Candidate]:
    """The sharpest of every few candidates; of the others none is kept."""
    sharpest: _Candidate | None = None
    for number, (second, pixels) in enumerate(_candidates(capture, before_each), 1):
        grey = cv2.cvtColor(_within(pixels, _SHARPNESS_SIDE), cv2.COLOR_BGR2GRAY)
        sharpness = float(cv2.Laplacian(grey, cv2.CV_32F).var())
        if sharpest is None or sharpness > sharpest[0]:
            sharpest = sharpness, second, pixels
        if number % _VIDEO_CANDIDATES == 0:
            yield sharpest
            sharpest = None
    if sharpest is not None:
        yield sharpest


def _candidates(capture: cv2.VideoCapture, before_each: BeforeEach) -> Iterator[tuple[float, Pixels]]:
    """Some frames, BGR, with the second that each is shown at, up to where the file ends or is damaged."""
    step, most = _step(capture), _most_decoded(capture)
    for index in range(most):
        before_each()
        if not capture.grab():
            return
        if index % step == 0:
            decoded, pixels = capture.retrieve()
            if decoded:
                yield capture.get(cv2.CAP_PROP_POS_MSEC) / 1000, np.asarray(pixels, np.uint8)


def _step(capture: cv2.VideoCapture) -> int:
    """Frames from one candidate to the next."""
    rate, count = capture.get(cv2.CAP_PROP_FPS), capture.get(cv2.CAP_PROP_FRAME_COUNT)
    rate = rate if 1 <= rate <= _HIGHEST_RATE else _USUAL_RATE
    interval = max(_VIDEO_INTERVAL_S * rate, min(count, _most_decoded(capture)) / MAX_VIDEO_FRAMES)
    return max(1, round(interval / _VIDEO_CANDIDATES))


def _most_decoded(capture: cv2.VideoCapture) -> int:
    """Frames that are decoded at most."""
    pixels = capture.get(cv2.CAP_PROP_FRAME_WIDTH) * capture.get(cv2.CAP_PROP_FRAME_HEIGHT)
    return int(_MAX_VIDEO_MEGAPIXELS / max(pixels / 1_000_000, _LEAST_VIDEO_FRAME))


def _within(pixels: Pixels, side: int) -> Pixels:
    """The frame made so small that its longest side is at most ``side``."""
    height, width = pixels.shape[:2]
    scale = side / max(height, width)
    if scale >= 1:
        return pixels
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
