"""A recognizer in the service and as one file: whether both find and name the same faces, and how fast each is."""

import io
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from PIL import Image

from bench.collages import collages
from bench.harness import arguments, progress, report, timed
from constants.settings import Settings
from jobs.commands.build_folder import build_folder
from jobs.work.recognition import recognize
from modelization.bundle.bundle_file import PHOTO_ONNX, open_bundle
from modelization.bundle.portable import recognize as portable
from modelization.recognizer import Recognizer
from preprocessor.decoding import Photo
from preprocessor.types import Pixels

#: People of the recognizer, and pictures that each is learnt from.
PEOPLE, LEARNT = 20, 6
#: Photos of each kind; a short run takes fewer.
EACH, QUICK_EACH = 40, 3
#: Pixels of the sides of photos of one person, and of groups; the largest has twelve megapixels.
SINGLES, GROUPS = ((100, 80), (250, 250), (1000, 800)), ((1024, 768), (4000, 3000))
#: People of a group at most, and pixels of their faces' sides.
GROUP_FACES, GROUP_SIDES = 8, (40, 200)
#: JPEG quality of the photos.
QUALITY = 92
#: What makes two findings the same face: the overlap of their boxes.
SAME_IOU = 0.8


class Answers(NamedTuple):
    """What a form says of each photo, and in how many seconds."""

    faces: list[list[dict[str, Any]]]
    seconds: list[float]


def main() -> None:
    options = arguments(__doc__)
    each = QUICK_EACH if options.quick else EACH
    people = [sorted(person.glob("*.jpg")) for person in sorted(options.dataset.iterdir()) if person.is_dir()]
    known = [files for files in people if len(files) > LEARNT][:PEOPLE]
    shown = [*(file for files in known for file in files[LEARNT:]), *(files[0] for files in people if len(files) == 1)]
    pictures = np.random.default_rng(0).permutation(np.array(shown, object)).tolist()
    photos = list(_photos([Photo(file).within(250) for file in pictures[: each * (len(SINGLES) + GROUP_FACES)]], each))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        bundle = _built(known, folder)
        service = _by_service(Recognizer.load(bundle), photos, Settings(data_dir=folder / "data"))
        (folder / PHOTO_ONNX).write_bytes(open_bundle(bundle).files[PHOTO_ONNX])
        file = _by_file(folder, photos)
    figures = _compared(service, file)
    usual = [index for index, photo in enumerate(photos) if Image.open(io.BytesIO(photo)).size == SINGLES[1]]
    for form, answers in (("service", service), ("python", file)):
        figures[f"photos_per_second_{form}"] = len(usual) / sum(answers.seconds[index] for index in usual)
    samples = {"photos": len(photos), "faces": sum(map(len, service.faces)), "photos_timed": len(usual)}
    report("forms", figures, samples)


def _photos(people: Sequence[Pixels], each: int) -> Iterator[bytes]:
    """JPEG photos of every kind, ``each`` of one."""
    rest = iter(people)
    for width, height in SINGLES:
        for _ in range(each):
            person = next(rest)
            margin = (250 - 250 * min(height / width, 1)) / 2
            yield _jpeg(person[int(margin) : 250 - int(margin)], width, height)
    for number, (width, height) in enumerate(GROUPS):
        few = each if number == 0 else max(each // 4, 1)
        for group in collages(list(rest) or list(people), few, GROUP_FACES, GROUP_SIDES, np.random.default_rng(number)):
            yield _jpeg(group.picture, width, height)


def _jpeg(picture: Pixels, width: int, height: int) -> bytes:
    smaller = width < picture.shape[1]
    resized = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA if smaller else cv2.INTER_CUBIC)
    buffer = io.BytesIO()
    Image.fromarray(resized).save(buffer, "JPEG", quality=QUALITY)
    return buffer.getvalue()


def _built(known: Sequence[Sequence[Path]], folder: Path) -> Path:
    """The bundle of a recognizer of these people, by the service's own build."""
    for files in known:
        own = folder / "people" / files[0].parent.name
        own.mkdir(parents=True)
        for file in files[:LEARNT]:
            shutil.copy(file, own)
    build_folder(folder / "people", folder / "recognizer.zip", {})
    return folder / "recognizer.zip"


def _by_service(recognizer: Recognizer, photos: Sequence[bytes], settings: Settings) -> Answers:
    recognize(recognizer, photos[:1], settings)  # what is loaded once
    answers = [timed(recognize, recognizer, [photo], settings) for photo in progress(photos, "service")]
    return Answers([images[0]["faces"] for _, images in answers], [seconds for seconds, _ in answers])


def _by_file(folder: Path, photos: Sequence[bytes]) -> Answers:
    one_thread = portable.Recognizer(folder / PHOTO_ONNX)
    path = folder / "photo.jpg"
    faces, seconds = [], []
    for number, photo in enumerate(progress([photos[0], *photos], "recognizer.onnx")):
        path.write_bytes(photo)
        taken, image = timed(one_thread.recognize, path)
        if number:  # after the first, which loads what is loaded once
            faces.append(image["faces"])
            seconds.append(taken)
    return Answers(faces, seconds)


def _compared(service: Answers, file: Answers) -> dict[str, float]:
    """Shares of faces that both find, of those that both name alike, and the largest difference of a confidence."""
    pairs: list[tuple[dict[str, Any], dict[str, Any]]] = []
    found = 0
    for ours, theirs in zip(service.faces, file.faces, strict=True):
        same = [(face, other) for face in ours for other in theirs if _overlap(face["box"], other["box"]) >= SAME_IOU]
        pairs += same
        found += len(ours) + len(theirs) - len(same)
    apart = [abs(ours["confidence"] - theirs["confidence"]) for ours, theirs in pairs if _both_judged(ours, theirs)]
    return {
        "same_faces": len(pairs) / found,
        "same_names": float(np.mean([ours["person"] == theirs["person"] for ours, theirs in pairs])),
        "max_confidence_difference": max(apart),
        "mean_confidence_difference": float(np.mean(apart)),
    }


def _both_judged(ours: dict[str, Any], theirs: dict[str, Any]) -> bool:
    return ours["confidence"] is not None and theirs["confidence"] is not None


def _overlap(first: dict[str, float], second: dict[str, float]) -> float:
    """Intersection over union."""
    width = min(first["x_max"], second["x_max"]) - max(first["x_min"], second["x_min"])
    height = min(first["y_max"], second["y_max"]) - max(first["y_min"], second["y_min"])
    common = max(width, 0) * max(height, 0)
    areas = [(box["x_max"] - box["x_min"]) * (box["y_max"] - box["y_min"]) for box in (first, second)]
    return common / (sum(areas) - common)


if __name__ == "__main__":
    main()
