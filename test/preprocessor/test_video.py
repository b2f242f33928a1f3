"""A video gives the frames that are worth a look."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from constants.exceptions import ImageRejected
from constants.reasons import Reason
from preprocessor.decoding import Photo
from preprocessor.media_formats import is_video
from preprocessor.video import MAX_VIDEO_FRAMES, VIDEO_SIDE, video_frames
from test.preprocessor.test_decoding import encoded, smooth

RATE = 20
CODECS = {".avi": "MJPG", ".mp4": "mp4v", ".mov": "mp4v", ".webm": "VP80"}


def scene(astronaut: np.ndarray, number: int) -> np.ndarray:
    """Different views of the portrait, 200 pixels wide, BGR."""
    top, left = 10 * (number % 20), 15 * (number % 17)
    return np.ascontiguousarray(astronaut[top : top + 160, left : left + 200, ::-1])


def write(path: Path, frames: list[np.ndarray]) -> Path:
    height, width = frames[0].shape[:2]
    codec = cv2.VideoWriter_fourcc(*CODECS[path.suffix])
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, codec, RATE, (width, height))
    assert writer.isOpened()
    for frame in frames:
        writer.write(frame)
    writer.release()
    return path


@pytest.mark.parametrize("suffix", CODECS)
def test_a_frame_of_every_moment(tmp_path, astronaut, suffix):
    frames = [scene(astronaut, moment) for moment in range(6) for _ in range(RATE // 2)]
    found = video_frames(write(tmp_path / f"clip{suffix}", frames))
    assert [int(frame.second * 2) for frame in found] == list(range(6))
    for moment, frame in enumerate(found):
        expected = scene(astronaut, moment)[:, :, ::-1].astype(int)
        assert np.abs(Photo(frame.jpeg).pixels() - expected).mean() < 12


def test_a_still_scene_is_one_frame(tmp_path, astronaut):
    frames = [scene(astronaut, 0)] * (5 * RATE) + [scene(astronaut, 7)] * RATE
    assert len(video_frames(write(tmp_path / "clip.mp4", frames))) == 2


def test_a_head_that_moves_before_a_still_background_is_something_new(tmp_path, astronaut):
    still = astronaut[:, :, ::-1].copy()
    moved = still.copy()
    moved[50:180, 170:280] = np.roll(still, 5, axis=1)[50:180, 170:280]
    noise = np.random.default_rng(0).normal(0, 4, (4 * RATE, *still.shape))
    frames = [(still if number < 2 * RATE else moved) + noise[number] for number in range(4 * RATE)]
    found = video_frames(write(tmp_path / "clip.mp4", [frame.clip(0, 255).astype(np.uint8) for frame in frames]))
    assert [frame.second >= 2 for frame in found] == [False, True]


def test_of_a_moment_the_sharpest_frame_and_no_blurred_moment(tmp_path, astronaut):
    blurred = [cv2.GaussianBlur(scene(astronaut, moment), (0, 0), 6) for moment in range(8)]
    frames = []
    for moment in range(8):
        sharp = [scene(astronaut, moment)] * 4 if moment != 3 else []
        frames += sharp + [blurred[moment]] * (RATE // 2 - len(sharp))
    found = video_frames(write(tmp_path / "clip.mp4", frames))
    assert [int(frame.second * 2) for frame in found] == [0, 1, 2, 4, 5, 6, 7]
    assert all(frame.second * RATE % (RATE // 2) < 4 for frame in found)


def test_a_long_video_gives_no_more_frames(tmp_path, astronaut):
    frames = [scene(astronaut, number // 5) for number in range(RATE * 90)]
    found = video_frames(write(tmp_path / "clip.mp4", frames))
    assert 0.8 * MAX_VIDEO_FRAMES < len(found) <= MAX_VIDEO_FRAMES
    assert found[-1].second > 85


def test_a_large_frame_is_reduced(tmp_path):
    frames = [np.asarray(smooth(2560, 1440))[:, :, ::-1].copy()] * 3
    (found,) = video_frames(write(tmp_path / "clip.mp4", frames))
    photo = Photo(found.jpeg)
    assert (photo.width, photo.height) == (VIDEO_SIDE, VIDEO_SIDE * 9 // 16)


@pytest.mark.parametrize("kept", [0.4, 0.8])
def test_what_comes_before_the_damage_is_used(tmp_path, astronaut, kept):
    whole = write(tmp_path / "clip.webm", [scene(astronaut, number // 10) for number in range(100)])
    whole.write_bytes(whole.read_bytes()[: int(whole.stat().st_size * kept)])
    assert 2 <= len(video_frames(whole)) < 10


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", Reason.NOT_AN_IMAGE),
        (b"#EXTM3U\nhttp://127.0.0.1:9/secret\n", Reason.NOT_AN_IMAGE),
        (encoded(smooth(64, 48), "HEIF"), Reason.NOT_AN_IMAGE),
        (encoded(smooth(64, 48), "AVIF"), Reason.NOT_AN_IMAGE),
        (b"\0\0\0\x20ftypisom" + bytes(500), Reason.DAMAGED_VIDEO),
        (b"\x1aE\xdf\xa3" + bytes(500), Reason.DAMAGED_VIDEO),
    ],
    ids=["empty", "playlist", "heic", "avif", "mp4 in name only", "webm in name only"],
)
def test_what_is_no_video_is_refused(tmp_path, content, reason):
    path = tmp_path / "file"
    path.write_bytes(content)
    assert is_video(path) == (reason == Reason.DAMAGED_VIDEO)
    with pytest.raises(ImageRejected) as refused:
        video_frames(path)
    assert refused.value.reason == reason


def test_a_video_of_tiny_frames_is_refused(tmp_path):
    with pytest.raises(ImageRejected) as refused:
        video_frames(write(tmp_path / "clip.mp4", [np.zeros((20, 200, 3), np.uint8)] * 5))
    assert refused.value.reason == Reason.TOO_SMALL


@pytest.fixture(scope="module")
def clip(tmp_path_factory, astronaut) -> bytes:
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    return write(path, [scene(astronaut, number) for number in range(12)]).read_bytes()


@given(st.floats(0, 1), st.binary(min_size=1, max_size=50))
def test_damaged_bytes_give_frames_or_a_reason(tmp_path, clip, place, noise):
    start = 12 + int(place * (len(clip) - 12))
    path = tmp_path / "clip.mp4"
    path.write_bytes(clip[:start] + noise + clip[start + len(noise) :])
    try:
        found = video_frames(path)
    except ImageRejected:
        return
    assert all(Photo(frame.jpeg).pixels().shape[2] == 3 for frame in found)
