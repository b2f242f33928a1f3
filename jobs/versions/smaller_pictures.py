"""An encoded picture without some of its faces: what is left of a group photo when one of the people is forgotten."""

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from features.store import ImageFeatures

#: Indices of faces, by the content hash of their picture.
Faces = dict[str, set[int]]


@dataclass(frozen=True, eq=False)
class SmallerPicture:
    """The faces that are left, under a content hash of its own: the whole picture may be another recognizer's.

    ``index`` is where each of them stands now, by where it stood.
    """

    content_hash: str
    image: ImageFeatures
    index: Mapping[int, int]

    def columns(self, people: Iterable[dict[str, Any]]) -> dict[str, Any]:
        """The columns of a file that is this picture from now on, ``people`` being whom its faces stood for."""
        return {"content_hash": self.content_hash, "faces": len(self.index), "people": self.moved(people)}

    def moved(self, faces: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
        """Those records of faces whose face is left, with its place now."""
        return [face | {"face": self.index[face["face"]]} for face in faces if face["face"] in self.index]


def without(content_hash: str, image: ImageFeatures, faces: Collection[int]) -> SmallerPicture:
    """The picture without those faces."""
    left = [index for index in range(len(image.faces)) if index not in faces]
    named = f"{content_hash} without {sorted(faces)}"
    return SmallerPicture(
        hashlib.sha256(named.encode()).hexdigest(),
        replace(image, faces=tuple(image.faces[index] for index in left)),
        {index: place for place, index in enumerate(left)},
    )
