"""Who the faces of a build are: as the labels say, or, where there are none, as the faces resemble each other."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from constants.exceptions import BuildFailed
from features.selection import labelled_face
from features.store import ImageFeatures


@dataclass(frozen=True)
class Picture:
    """An encoded picture with at least one face, and the label it was sent with."""

    file: int
    content_hash: str
    label: str | None
    features: ImageFeatures


@dataclass(frozen=True)
class NamedFace:
    """A face that stands for a person: its index among its picture's faces."""

    picture: Picture
    face: int
    person: str


def named_faces(pictures: Sequence[Picture]) -> list[NamedFace]:
    """The faces to learn from. Labels, where any were sent, decide; else the faces are clustered.

    Raises ``BuildFailed`` where there are no labels and fewer than two people appear twice.
    """
    labelled = [picture for picture in pictures if picture.label is not None]
    if labelled:
        return [NamedFace(p, labelled_face(p.features), p.label) for p in labelled if p.label is not None]
    return _clustered(pictures)


def _clustered(pictures: Sequence[Picture]) -> list[NamedFace]:
    """Clusters of at least two faces as person-1, person-2, …, the largest first."""
    from features.clustering import cluster  # imported here: it needs dlib, which labelled builds do not

    ordered = sorted(pictures, key=lambda picture: picture.content_hash)
    faces = [(picture, index) for picture in ordered for index in range(len(picture.features.faces))]
    if not faces:
        return []
    groups = cluster(np.stack([picture.features.faces[index].encoding for picture, index in faces]))
    people = np.count_nonzero(np.bincount(groups) >= 2)
    if people < 2:
        raise BuildFailed(
            f"The pictures came without labels, and among their {len(faces)} faces fewer than two people "
            "appear at least twice; send more pictures of each person, or put them in a folder for each person."
        )
    # Groups are numbered by falling size, so those of at least two faces are the first ones.
    return [
        NamedFace(picture, index, f"person-{group + 1}")
        for (picture, index), group in zip(faces, groups.tolist(), strict=True)
        if group < people
    ]
