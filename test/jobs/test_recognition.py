"""What recognition answers of faces that it names, of those it does not know, and of those it cannot judge."""

import io
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from app.schemas import FaceAnswer, PhotoAnswer
from constants.reasons import Reason
from constants.settings import Settings
from features.training_set import TrainingSet
from jobs.work import photo_pairs, stages
from jobs.work.recognition import MAX_FACES, recognize
from modelization.building import build_recognizer
from modelization.provenance import Provenance, TrainingOptions
from modelization.recognizer import Recognizer
from preprocessor.types import EncodedImage
from preprocessor.version import pipeline_version
from test.conftest import jpeg
from test.modelization import made_up
from test.portraits import PORTRAITS

pytestmark = pytest.mark.thorough

#: Somebody whom the recognizer knows, beside four people who are made up.
KNOWN = "Eileen"
#: Pixels; a blur of the portrait with which its face is still found, and too blurred to be judged.
BLUR = 5.5


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(data_dir=tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def recognizer(astronaut: np.ndarray, settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Recognizer:
    portraits = [astronaut, astronaut[:, ::-1], astronaut // 2, cv2.GaussianBlur(astronaut, (0, 0), 1)]
    learnt = [image.faces[0].encoding for image in stages.pipeline(settings).encode([jpeg(p) for p in portraits])]
    others, people = made_up.faces([4] * 4, 5)
    labels = (KNOWN, *(f"Person {number}" for number in range(4)))
    faces = TrainingSet(np.vstack([learnt, others]), np.hstack([np.zeros(len(learnt), np.int64), people + 1]), labels)
    path = tmp_path_factory.mktemp("bundle") / "recognizer.zip"
    provenance = Provenance("judged", 1, pipeline_version(settings), "2026-01-01T00:00:00+00:00", len(faces.people), 0)
    build_recognizer(faces, TrainingOptions(), provenance, path, lambda *_: None)
    return Recognizer.load(path)


def answered(recognizer: Recognizer, settings: Settings, *photos: np.ndarray) -> list[list[dict[str, Any]]]:
    """The faces of each photo, all in one request."""
    return [image["faces"] for image in recognize(recognizer, [jpeg(photo) for photo in photos], settings)]


def test_answers_say_from_where_on_a_face_is_named(recognizer, settings, astronaut):
    (photo,) = recognize(recognizer, [jpeg(astronaut)], settings)
    assert photo["threshold"] == recognizer.threshold == 0.5
    PhotoAnswer.model_validate({"file": "photo.jpg"} | photo)


def test_of_an_animation_the_first_picture_is_looked_at_and_said_to_be_that(recognizer, settings, astronaut):
    frames, buffer = [Image.fromarray(astronaut), Image.new("RGB", (512, 512))], io.BytesIO()
    frames[0].save(buffer, "WEBP", save_all=True, append_images=frames[1:], quality=90)
    moving, still = recognize(recognizer, [buffer.getvalue(), jpeg(astronaut)], settings)
    assert KNOWN in [face["person"] for face in moving["faces"]]
    (encoded,) = photo_pairs.encoded([buffer.getvalue()], settings)
    compared = photo_pairs.compared([jpeg(astronaut), buffer.getvalue()], settings)
    assert moving["first_of_several"] and encoded["first_of_several"] and compared["first_of_several"]
    assert "first_of_several" not in still
    assert PhotoAnswer.model_validate({"file": "moving.webp"} | moving).first_of_several


def is_not_judged(face: dict[str, Any], reason: Reason) -> bool:
    return (face["person"], face["confidence"], face["candidates"]) == (None, None, []) and (
        (face["reason"], face["message"]) == (reason, reason.message)
    )


def test_a_known_face_is_named_and_the_same_one_blurred_is_not_judged(recognizer, settings, astronaut):
    (blurred, *_), (good, *_) = answered(recognizer, settings, cv2.GaussianBlur(astronaut, (0, 0), BLUR), astronaut)
    assert (good["person"], good["reason"], good["message"]) == (KNOWN, None, None)
    assert good["confidence"] >= recognizer.threshold and good["candidates"][0]["person"] == KNOWN
    assert is_not_judged(blurred, Reason.LOW_SHARPNESS)
    assert good.keys() == blurred.keys() == FaceAnswer.model_fields.keys()
    assert [FaceAnswer.model_validate(face).model_dump(mode="json") for face in (good, blurred)] == [good, blurred]


def test_faces_in_the_dark_are_not_judged(recognizer, settings, portrait_files):
    portraits = [np.asarray(Image.open(file).convert("RGB")) for file in portrait_files(24)]
    dark = answered(recognizer, settings, *((portrait * 0.045).astype(np.uint8) for portrait in portraits))
    found = [face for faces in dark for face in faces]
    assert len(found) >= 3  # the detectors see few of them
    assert all(is_not_judged(face, Reason.LOW_BRIGHTNESS) for face in found)


def test_a_stranger_is_judged_and_not_named(recognizer, settings):
    photo = np.asarray(Image.open(PORTRAITS / "grace_hopper.jpg").convert("RGB"))
    ((face, *_),) = answered(recognizer, settings, photo)
    assert (face["person"], face["reason"]) == (None, Reason.LOW_CONFIDENCE)
    assert face["message"] == Reason.LOW_CONFIDENCE.message
    assert 0 <= face["confidence"] < recognizer.threshold and len(face["candidates"]) == 5


def test_the_largest_faces_of_a_crowd_are_judged(recognizer, settings, astronaut):
    portrait = Image.fromarray(astronaut[50:220, 138:308])
    crowd = Image.new("RGB", (1200, 1200), (90, 100, 110))
    for place in range(169):
        row, column = divmod(place, 13)
        side = 90 if row % 2 else 82
        crowd.paste(portrait.resize((side, side), Image.Resampling.LANCZOS), (column * 92, row * 92))
    # Among several photos in one request, each has its own limit.
    alone, faces = answered(recognizer, settings, astronaut, np.asarray(crowd))
    assert len(faces) > MAX_FACES + 10 and alone[0]["person"] == KNOWN
    width = [face["box"]["x_max"] - face["box"]["x_min"] for face in faces]
    judged = [face["reason"] != Reason.EXCEEDS_MAX_FACES for face in faces]
    assert sum(judged) == MAX_FACES
    smallest = min(w for w, is_judged in zip(width, judged, strict=True) if is_judged)
    largest = max(w for w, is_judged in zip(width, judged, strict=True) if not is_judged)
    assert largest <= smallest + 1 and max(width) > min(width) + 3  # pixels, which are rounded
    assert all(is_not_judged(face, Reason.EXCEEDS_MAX_FACES) for face, j in zip(faces, judged, strict=True) if not j)
    assert sum(face["person"] == KNOWN for face in faces) > 0.9 * MAX_FACES


def test_boxes_end_at_the_photos_edge(recognizer, settings, astronaut):
    (face,) = answered(recognizer, settings, astronaut[70:230, 190:320])[0]
    assert face["box"]["x_min"] == 0 < face["box"]["x_max"] <= 130
    assert 0 <= face["box"]["y_min"] < face["box"]["y_max"] <= 160


def test_a_build_keeps_a_blurred_face_and_how_it_was_seen(settings, astronaut):
    photos = [jpeg(photo) for photo in (astronaut, cv2.GaussianBlur(astronaut, (0, 0), BLUR))]
    kept = [image.faces[0].quality for image in stages.encode(photos, settings)]
    seen = [
        image.faces[0].quality for image in stages.pipeline(settings).encode(photos) if isinstance(image, EncodedImage)
    ]
    assert [tuple(quality) for quality in kept] == [(q.sharpness, q.brightness, q.yaw, q.pitch) for q in seen]
    assert kept[1].sharpness < 0.5 * kept[0].sharpness
