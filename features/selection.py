"""Which face of a labelled picture is meant."""

from math import exp

from features.store import ImageFeatures

#: How much a face's distance from the picture's centre counts against its size. A face at the edge
#: (distance 1) must have e² = 7.4 times the area of one in the centre to be taken in its place.
_CENTRE_WEIGHT = 2.0


def labelled_face(image: ImageFeatures) -> int:
    """The index of the face nearest the centre, weighted by size.

    A label names the person that the picture is about, who stands in the middle and in front. The
    weight of a face is its area times exp(-2 d²), d being its distance from the centre in units of
    half the picture's sides. Raises ``ValueError`` for a picture without faces.
    """
    return max(range(len(image.faces)), key=lambda index: (_weight(image, index), -index))


def _weight(image: ImageFeatures, index: int) -> float:
    left, top, right, bottom = image.faces[index].box
    x = (left + right) / image.width - 1
    y = (top + bottom) / image.height - 1
    return (right - left) * (bottom - top) * exp(-_CENTRE_WEIGHT * (x * x + y * y))
