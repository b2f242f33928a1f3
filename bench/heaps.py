"""A heap of labelled pictures, encoded."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bench.harness import progress
from constants.exceptions import ImageRejected
from features.labelled_face import labelled_face
from features.store import ImageFeatures
from jobs.table.tasks import ENCODE_BATCH
from jobs.work.stages import image_features
from preprocessor.face_pipeline import FacePipeline


@dataclass(frozen=True, eq=False)
class Heap:
    """``people`` is int64 (n,), a number for each picture's person; ``files`` and ``images`` are the pictures.

    ``encodings``, float32 (n, 128), are of the face in each that its label most likely means.
    """

    people: npt.NDArray[np.int64]
    files: tuple[Path, ...]
    images: tuple[ImageFeatures, ...]

    @property
    def encodings(self) -> npt.NDArray[np.float32]:
        return np.stack([image.faces[labelled_face(image)].encoding for image in self.images])

    def of_people_with(self, pictures: int) -> "Heap":
        """The pictures of people with at least so many; people are numbered anew."""
        index = np.flatnonzero(np.bincount(self.people)[self.people] >= pictures).tolist()
        people = np.unique(self.people[index], return_inverse=True)[1]
        return Heap(people, tuple(self.files[i] for i in index), tuple(self.images[i] for i in index))


def encode(pipeline: FacePipeline, pictures: Sequence[tuple[int, Path]], label: str) -> Heap:
    """The pictures in which there is a face, each with its person's number."""
    kept = []
    for batch in progress(range(0, len(pictures), ENCODE_BATCH), label):
        some = pictures[batch : batch + ENCODE_BATCH]
        for (person, file), image in zip(some, pipeline.encode([file.read_bytes() for _, file in some]), strict=True):
            if not isinstance(image, ImageRejected) and image.faces:
                kept.append((person, file, image_features(image)))
    people, files, images = zip(*kept, strict=True)
    return Heap(np.array(people), files, images)
