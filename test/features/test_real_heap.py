"""Heaps of real faces: found people, wrong labels and group photos, and dlib's clustering beside ours."""

from dataclasses import replace
from pathlib import Path

import dlib
import numpy as np
import pytest

from bench import heaps
from bench.grouping import bcubed
from bench.heaps import Heap
from bench.tiled_photos import face_in_tile, tiled
from constants.settings import Settings
from features.clustering import cluster
from features.face_naming import Picture, named_faces
from features.wrong_labels import doubt_labels
from jobs.work.stages import image_features
from preprocessor.decoding import Photo
from preprocessor.face_pipeline import FacePipeline, make_pipeline
from test.conftest import jpeg

pytestmark = pytest.mark.thorough

#: People with several pictures, pictures of each, and people with one.
SEVERAL, EACH, SINGLES = 24, 5, 30


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory) -> FacePipeline:
    return make_pipeline(Settings(data_dir=tmp_path_factory.mktemp("graphs")))


@pytest.fixture(scope="module")
def heap(lfw: Path, pipeline: FacePipeline) -> Heap:
    people = [sorted(person.glob("*.jpg")) for person in sorted(lfw.iterdir()) if person.is_dir()]
    several = [files[:EACH] for files in people if len(files) >= EACH]
    singles = [files for files in people if len(files) == 1]
    chosen = several[:: len(several) // SEVERAL][:SEVERAL] + singles[:: len(singles) // SINGLES][:SINGLES]
    numbered = [(person, file) for person, files in enumerate(chosen) for file in files]
    return heaps.encode(pipeline, numbered, "encoding")


def test_people_are_found_and_not_worse_than_by_dlib(heap):
    people = np.unique(heap.people, return_inverse=True)[1]
    ours = bcubed(people, cluster(heap.encodings)).f
    vectors = [dlib.vector(encoding) for encoding in heap.encodings]
    theirs = bcubed(people, np.array(dlib.chinese_whispers_clustering(vectors, 0.5))).f
    assert ours > 0.93
    assert ours > theirs - 0.01


def test_wrong_labels_are_found(heap):
    several = heap.of_people_with(EACH - 1)
    labels = several.people.copy()
    wrong = np.arange(0, len(labels) // 2, 10)
    other = wrong + len(labels) // 2
    labels[wrong], labels[other] = several.people[other], several.people[wrong]
    doubted = doubt_labels(several.encodings, labels).wrong > 0.5
    exchanged = labels != several.people
    assert exchanged.sum() >= 10
    assert doubted[exchanged].mean() > 0.9
    assert doubted[~exchanged].sum() <= 2


def test_in_group_photos_the_right_face_is_taken(heap, pipeline):
    several = heap.of_people_with(EACH)
    pictures = [Picture(i, str(i), str(several.people[i]), image) for i, image in enumerate(several.images)]
    rng = np.random.default_rng(0)
    expected = {}
    for index in np.unique(several.people, return_index=True)[1][:12].tolist():
        others = rng.choice(np.flatnonzero(several.people != several.people[index]), 1 + index % 5, replace=False)
        # The one who is meant stands last, and so never in the middle.
        group = [Photo(several.files[i].read_bytes()).pixels() for i in (*others, index)]
        image = image_features(pipeline.encode([jpeg(tiled(group))])[0])
        face = face_in_tile(image, len(group), len(others))
        if face is not None:
            expected[index] = face
            pictures[index] = replace(pictures[index], features=image)
    taken = {face.picture.file: face.face for face in named_faces(pictures)}
    assert len(expected) >= 10
    assert sum(taken[index] == face for index, face in expected.items()) >= len(expected) - 1
