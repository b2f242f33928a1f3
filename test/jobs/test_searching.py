"""In which pictures of a build every face is looked for, and in which only one person's."""

import hashlib
import uuid

import cv2
import numpy as np
import pytest

from features import store
from features.store import ImageFeatures, Shelf
from jobs.table import builds, tasks
from jobs.table.admission import Admission
from jobs.table.build_options import BuildOptions
from jobs.table.builds import Upload
from jobs.table.tables import DEFAULT_TENANT, TaskKind
from jobs.work.encoding import encode_claim
from jobs.workplace import Workplace
from preprocessor.version import pipeline_version
from test.conftest import jpeg


@pytest.fixture(scope="module")
def group(astronaut: np.ndarray) -> bytes:
    """The astronaut's face, and once more in half its size: too small for the first of the detectors."""
    face = astronaut[:220, 120:330]
    small = cv2.resize(face, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    picture = np.full((len(face), face.shape[1] + small.shape[1], 3), 128, np.uint8)
    picture[:, : face.shape[1]] = face
    picture[: len(small), face.shape[1] :] = small
    return jpeg(picture)


def found(workplace: Workplace, content: bytes, *labels: str | None, box=None, **options: object) -> ImageFeatures:
    """What is kept of a picture that a build was sent with some labels."""
    hash_ = hashlib.sha256(content).hexdigest()
    uploads = []
    for number, label in enumerate(labels):
        path = workplace.storage.incoming / uuid.uuid4().hex
        path.write_bytes(content)
        uploads.append(Upload(f"{number}.jpg", label, hash_, path, box=box))
    builds.submit(workplace.database, workplace.storage, uploads, BuildOptions(**options), Admission(9))
    while claim := tasks.claim(workplace.database, TaskKind.ENCODE, "encode-0:a"):
        encode_claim(workplace, claim)
    with workplace.database.read() as connection:
        shelf = Shelf(DEFAULT_TENANT, pipeline_version(workplace.settings))
        return store.get(connection, shelf, [hash_])[hash_]


def test_a_picture_of_one_person_is_searched_further_once_that_is_needed(workplace, group):
    own = found(workplace, group, "Eileen")
    assert (len(own.faces), own.every_face) == (1, False)
    every = found(workplace, group, None)
    assert (len(every.faces), every.every_face) == (2, True)
    # The face that the first build knows by its place is still there.
    assert every.faces[0].box == own.faces[0].box
    assert np.array_equal(every.faces[0].encoding, own.faces[0].encoding)


@pytest.mark.parametrize(
    ("labels", "options"),
    [
        ((None,), {}),
        (("Eileen", "Frances"), {}),
        (("Eileen",), {"use_other_faces": True}),
        (("Eileen",), {"box": (220, 10, 300, 100)}),
    ],
)
def test_more_than_one_person_may_be_needed(workplace, group, labels, options):
    assert len(found(workplace, group, *labels, **options).faces) == 2
