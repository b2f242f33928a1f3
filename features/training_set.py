"""A training set: encodings and the people they belong to."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from constants.exceptions import BuildFailed


@dataclass(frozen=True)
class TrainingSet:
    """Faces of known people.

    ``encodings`` is float32 (n, 128); ``people`` is int64 (n,), an index into ``labels``;
    ``labels`` are unique and sorted, so that the same faces give the same set in any order of upload.
    """

    encodings: npt.NDArray[np.float32]
    people: npt.NDArray[np.int64]
    labels: tuple[str, ...]

    @property
    def faces_per_person(self) -> npt.NDArray[np.int64]:
        return np.bincount(self.people, minlength=len(self.labels))


def assemble(faces: Iterable[tuple[str, str, npt.NDArray[np.float32]]]) -> TrainingSet:
    """A training set of ``(label, content hash, encoding)``, ordered by label and hash.

    Raises ``BuildFailed`` where there is none.
    """
    ordered = sorted(faces, key=lambda face: face[:2])
    labels = tuple(sorted({label for label, _, _ in ordered}))
    if not labels:
        raise BuildFailed(
            "A recognizer needs a usable face of somebody, and there is none; "
            "the list of images says what was wrong with each."
        )
    index = {label: i for i, label in enumerate(labels)}
    return TrainingSet(
        # To stack hundreds of thousands of short ones takes several times as long.
        encodings=np.concatenate([encoding for _, _, encoding in ordered]).reshape(len(ordered), -1).astype(np.float32),
        people=np.array([index[label] for label, _, _ in ordered], np.int64),
        labels=labels,
    )
