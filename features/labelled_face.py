"""Which face of a labelled picture is meant, as far as the picture itself says."""

from math import exp, log, log1p

from features.store import FaceFeatures, ImageFeatures

#: How much a face's distance from the picture's centre counts against its size. A face at the edge
#: (distance 1) must have e² = 7.4 times the area of one in the centre to be taken in its place.
_CENTRE_WEIGHT = 2.0
#: Square pixels; a face without any area is as good as this one.
_LEAST_AREA = 1e-6

#: Left, top, right, bottom in pixels.
Sides = tuple[float, float, float, float]


def labelled_face(image: ImageFeatures) -> int:
    """The index of the face nearest the centre, weighted by size and by how surely it is one.

    A label names the person that the picture is about, who stands in the middle and in front, and not the badge on that
    person's coat, which a detector may take for a larger face. Raises ``ValueError`` for a picture without faces.
    """
    found = prominence(image)
    return max(range(len(found)), key=lambda index: (found[index], -index))


def prominence(image: ImageFeatures, within: Sides | None = None) -> list[float]:
    """Of each face the logarithm of its weight: its area times exp(-2 d²), times the detector's probability of it.

    d is its distance from the centre in units of half the picture's sides. With ``within``, where a label says that
    its face is, the weight is the share that the two boxes have in common, and -inf is for faces whose middle is
    not in there.
    """
    if within is not None:
        return [_overlap(face.box, within) for face in image.faces]
    return [_weight(image, face) for face in image.faces]


def _weight(image: ImageFeatures, face: FaceFeatures) -> float:
    left, top, right, bottom = face.box
    x = (left + right) / image.width - 1
    y = (top + bottom) / image.height - 1
    prominent = log(max(_area(face.box), _LEAST_AREA)) - _CENTRE_WEIGHT * (x * x + y * y)
    return prominent - log1p(exp(-face.score))


def _overlap(face: Sides, within: Sides) -> float:
    left, top, right, bottom = within
    x, y = (face[0] + face[2]) / 2, (face[1] + face[3]) / 2
    if not (left <= x <= right and top <= y <= bottom):
        return float("-inf")
    common = _area((max(left, face[0]), max(top, face[1]), min(right, face[2]), min(bottom, face[3])))
    union = _area(face) + _area(within) - common
    return log(max(common, _LEAST_AREA) / max(union, _LEAST_AREA))


def _area(box: Sides) -> float:
    left, top, right, bottom = box
    return max(right - left, 0.0) * max(bottom - top, 0.0)
