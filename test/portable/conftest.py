"""A recognizer of real people and of some who are made up, unpacked as its user has it."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from constants.settings import Settings
from features.training_set import TrainingSet
from jobs.work.recognition import recognize
from modelization.building import build_recognizer
from modelization.bundle.bundle_file import open_bundle, write_bundle
from modelization.bundle.photo_onnx import make_photo_model
from modelization.bundle.portable_files import portable_files
from modelization.provenance import Provenance, TrainingOptions
from modelization.recognizer import Recognizer
from preprocessor.face_pipeline import make_pipeline
from preprocessor.version import pipeline_version
from test.modelization import made_up

#: Pictures of each person that are learnt, and labels that a file or a page could stumble over: of two people of the
#: gallery, whose third is a stranger, and of people who are made up.
LEARNT = 5
LABELS = ("Zoë & <b>Ann</b>", 'O\'Neil "Bob" 名前')
MADE_UP = ("名前", "Иван", "100 %")


class Unpacked(NamedTuple):
    """The folder of a bundle's files, photos to name, and what the service answers to them."""

    folder: Path
    photos: list[Path]
    answers: list[dict[str, Any]]


@pytest.fixture(scope="session")
def unpacked(gallery: Path, tmp_path_factory: pytest.TempPathFactory) -> Unpacked:
    folder = tmp_path_factory.mktemp("bundle")
    settings = Settings(data_dir=tmp_path_factory.mktemp("data"), detector="every")
    *known, strangers = (sorted(person.iterdir()) for person in sorted(gallery.iterdir()))
    learnt = [file.read_bytes() for files in known for file in files[:LEARNT]]
    faces = [image.faces[0].encoding for image in make_pipeline(settings).encode(learnt)]
    others, made_up_people = made_up.faces([LEARNT] * len(MADE_UP), 5)
    people = np.concatenate([np.repeat(np.arange(len(LABELS)), LEARNT), made_up_people + len(LABELS)])
    training_set = TrainingSet(np.vstack([np.stack(faces), others]), people, LABELS + MADE_UP)
    bundle = folder / "recognizer.zip"
    provenance = Provenance("portable", 1, pipeline_version(settings), "2026-01-01T00:00:00+00:00", len(learnt), 0)
    build_recognizer(training_set, TrainingOptions(), provenance, bundle, lambda *_: None)

    files = dict(open_bundle(bundle).files) | portable_files()
    files["recognizer.onnx"] = make_photo_model(files["head.onnx"], settings)
    write_bundle(folder / "whole.zip", open_bundle(bundle).manifest, files)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    photos = [*(file for own in known for file in own[LEARNT : LEARNT + 5]), *strangers[:3]]
    answers = recognize(Recognizer.load(bundle), [photo.read_bytes() for photo in photos], settings)
    assert {face["person"] for answer in answers for face in answer["faces"]} >= {*LABELS, None}
    return Unpacked(folder, photos, answers)
