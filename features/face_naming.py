"""Who the faces of a build are: as labels say, and where there are none, as the faces resemble each other."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count, islice

import numpy as np
import numpy.typing as npt

from constants.exceptions import BuildFailed
from features.alive import Alive, unheard
from features.clustering import cluster
from features.group_photos import LabelledPicture, choose_faces
from features.labelled_face import Sides, prominence
from features.store import ImageFeatures
from features.thinning import thinned

#: Faces of one person kept of a video: more of the same scene teach nothing that 20 do not.
MAX_VIDEO_FACES = 20

#: Faces that a group without a name needs to become a person.
_LEAST_FACES = 2


@dataclass(frozen=True)
class Picture:
    """An encoded picture with at least one face, the label it was sent with, and where in it that person is.

    A picture with several labels is given once for each of them. ``box`` is left, top, right, bottom in pixels.
    ``video`` is the content hash of the video that the picture is a frame of. ``taken`` is the index of the face
    that is the label's, where that is known already.
    """

    file: int
    content_hash: str
    label: str | None
    features: ImageFeatures
    box: Sides | None = None
    video: str | None = None
    taken: int | None = None


@dataclass(frozen=True)
class NamedFace:
    """A face that stands for a person: its index among its picture's faces."""

    picture: Picture
    face: int
    person: str


def named_faces(pictures: Sequence[Picture], use_other_faces: bool = False, alive: Alive = unheard) -> list[NamedFace]:
    """The faces to learn from, in an order that does not depend on that of the pictures.

    Of each labelled picture the face that belongs with its person's other pictures. The faces of pictures without
    labels, and with ``use_other_faces`` those left over in labelled ones, join the people whom they resemble; groups
    of at least two that resemble nobody become person-1, person-2, …, the largest first. Of a person's faces in one
    video those few are taken that differ most.

    Raises ``BuildFailed`` where there are no labels and fewer than two people appear twice.
    """
    ordered = sorted(pictures, key=lambda picture: (picture.content_hash, picture.label or "", picture.taken or 0))
    labelled = _labelled(ordered, alive)
    others = _other_faces(ordered, labelled, use_other_faces)
    return _few_of_a_video(labelled + _resembling(labelled, others, alive) if others else labelled)


def _labelled(pictures: Sequence[Picture], alive: Alive) -> list[NamedFace]:
    named = [(picture, picture.label) for picture in pictures if picture.label is not None]
    person = {label: index for index, label in enumerate(sorted({label for _, label in named}))}
    content = {hash_: index for index, hash_ in enumerate(dict.fromkeys(p.content_hash for p in pictures))}
    chosen = choose_faces(
        [
            LabelledPicture(
                person[label],
                content[picture.content_hash],
                _encodings(picture),
                _prominence(picture),
            )
            for picture, label in named
        ],
        alive,
    )
    faces = zip(named, chosen, strict=True)
    return [NamedFace(picture, face, label) for (picture, label), face in faces if face is not None]


def _encodings(picture: Picture) -> npt.NDArray[np.float32]:
    """The encodings of a picture's faces; of most there is one, and to stack many times one takes long."""
    faces = picture.features.faces
    return faces[0].encoding[None] if len(faces) == 1 else np.stack([face.encoding for face in faces])


def _prominence(picture: Picture) -> npt.NDArray[np.float64]:
    if picture.taken is None:
        return np.array(prominence(picture.features, picture.box))
    return np.where(np.arange(len(picture.features.faces)) == picture.taken, 0.0, -np.inf)


def _other_faces(pictures: Sequence[Picture], labelled: Sequence[NamedFace], all_of_them: bool) -> list[NamedFace]:
    """The faces that no label has, nobody's yet; those of labelled pictures only if ``all_of_them``."""
    taken = {(face.picture.content_hash, face.face) for face in labelled}
    without_label = {picture.content_hash for picture in pictures if picture.label is None}
    once = {picture.content_hash: picture for picture in reversed(pictures)}
    return [
        NamedFace(picture, face, "")
        for hash_, picture in sorted(once.items())
        if all_of_them or hash_ in without_label
        for face in range(len(picture.features.faces))
        if (hash_, face) not in taken
    ]


def _resembling(labelled: Sequence[NamedFace], others: Sequence[NamedFace], alive: Alive) -> list[NamedFace]:
    """Those of the other faces that join a labelled person, or make up one of their own."""
    people = sorted({face.person for face in labelled})
    number = {person: index for index, person in enumerate(people)}
    known = [number[face.person] for face in labelled] + [-1] * len(others)
    groups = cluster(np.stack([_encoding(face) for face in (*labelled, *others)]), np.array(known), alive)
    names = {int(group): face.person for group, face in zip(groups, labelled, strict=False)}
    # Groups are numbered by falling size.
    new = [group for group in np.flatnonzero(np.bincount(groups) >= _LEAST_FACES).tolist() if group not in names]
    if not names and len(new) < 2:
        raise BuildFailed(
            f"The pictures came without labels, and among their {len(others)} faces fewer than two people "
            "appear at least twice; send more pictures of each person, or put them in a folder for each person."
        )
    names |= dict(zip(new, islice(_new_names(people), len(new)), strict=True))
    joined = zip(others, groups[len(labelled) :].tolist(), strict=True)
    return [NamedFace(face.picture, face.face, names[group]) for face, group in joined if group in names]


def _few_of_a_video(named: Sequence[NamedFace]) -> list[NamedFace]:
    faces: dict[tuple[str, str], list[NamedFace]] = {}
    for face in named:
        if face.picture.video is not None:
            faces.setdefault((face.picture.video, face.person), []).append(face)
    kept = [face for face in named if face.picture.video is None]
    for own in faces.values():
        kept += [own[index] for index in thinned(np.stack([_encoding(face) for face in own]), MAX_VIDEO_FACES)]
    return kept


def _new_names(people: Sequence[str]) -> Iterator[str]:
    """person-1, person-2, …, without those that are taken."""
    taken = {person.casefold() for person in people}
    return (name for number in count(1) if (name := f"person-{number}") not in taken)


def _encoding(face: NamedFace) -> npt.NDArray[np.float32]:
    return face.picture.features.faces[face.face].encoding
