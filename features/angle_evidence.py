"""What the angle between faces says about who they are, by the statistics of people at large.

These are of dlib encodings (cascade of detectors, 5 landmarks, mean of a chip and its mirror image) of 3,107 pictures
of 1,441 people of deep-funneled LFW, half of the people that were at hand; the other half judged them. An angle is the
one between two unit encodings, in radians. Angles between different people are nearly normal far into their tail (the
thousandth is at -3.0 standard deviations instead of -3.1), which cosines and distances are not.
"""

from dataclasses import dataclass
from math import cos, sqrt

import numpy as np
import numpy.typing as npt

from features.alive import Alive, unheard

#: Radians between two faces below which they are of copies of one picture. Of 120 pictures, copies that were doubled,
#: reduced to 0.6, cropped or mirrored were nearer in 93 to 100 of 100 cases, those saved anew at JPEG quality 50 in
#: 88; of two different pictures of one person one pair in 10,000 is.
NEAR_DUPLICATE_ANGLE = 0.10

#: Radians; mean angle between a picture of a person and another of the same person: acos(0.956).
_SAME_PERSON_ANGLE = 0.298
#: Radians; mean angle between pictures of two people: acos(0.840).
_DIFFERENT_PEOPLE_ANGLE = 0.574
#: Radians; spread of a picture's angle to its own person, were that person known perfectly.
_SAME_PERSON_SPREAD = 0.023
#: Radians; spread of a picture's angle to another person, were that person known perfectly.
_DIFFERENT_PEOPLE_SPREAD = 0.058
#: Radians; spread that one enrolled picture adds to angles to its own person and to others; n of them add
#: a variance of its square over n.
_SAME_PERSON_PICTURE_SPREAD, _DIFFERENT_PEOPLE_PICTURE_SPREAD = 0.046, 0.028


#: A person with less than this of a picture is nobody that anything is evidence for.
_LEAST_PICTURES = 0.3
#: Cosine below which a face is not compared with a person: evidence of that is far below zero. 1.5 spreads
#: nearer than two people usually are, where one pair in fifteen lies.
_NEAR_COSINE = cos(_DIFFERENT_PEOPLE_ANGLE - 1.5 * _DIFFERENT_PEOPLE_SPREAD)
#: Faces compared with everybody at once: bounds the memory.
_BLOCK = 1024

_Floats = npt.NDArray[np.float64]
_Integers = npt.NDArray[np.int64]


def unit(vectors: npt.NDArray[np.floating]) -> _Floats:
    """Vectors (n, d), such as encodings, at length one; a zero one stays zero."""
    wide = np.asarray(vectors, np.float64)
    return np.asarray(wide / np.maximum(np.linalg.norm(wide, axis=1, keepdims=True), 1e-12))


def angle(cosine: npt.NDArray[np.floating]) -> _Floats:
    """Radians of a cosine, or of the mean of several, whatever rounding did to it."""
    return np.asarray(np.arccos(np.clip(cosine, -1.0, 1.0)), np.float64)


def evidence(angles: _Floats, pictures: npt.NDArray[np.floating] | float = 1.0) -> _Floats:
    """For one person against two: the logarithm of the ratio of likelihoods, in nats.

    ``angles`` are in radians, between a face and the mean of a person's ``pictures`` unit encodings. Both
    hypotheses are normal, with means and spreads of people at large; a face nearer than usual speaks for the
    person as much as a usual one does, for a narrow normal would else call it odd.
    """
    inverse = 1.0 / np.asarray(pictures, np.float64)
    same = np.sqrt(_SAME_PERSON_SPREAD**2 + _SAME_PERSON_PICTURE_SPREAD**2 * inverse)
    different = np.sqrt(_DIFFERENT_PEOPLE_SPREAD**2 + _DIFFERENT_PEOPLE_PICTURE_SPREAD**2 * inverse)
    beyond = np.maximum(angles, _SAME_PERSON_ANGLE)
    z_same, z_different = (beyond - _SAME_PERSON_ANGLE) / same, (beyond - _DIFFERENT_PEOPLE_ANGLE) / different
    return np.asarray(0.5 * (z_different**2 - z_same**2) + np.log(different / same), np.float64)


def evidence_of_pair(face: npt.ArrayLike, other: npt.ArrayLike) -> float:
    """Nats of evidence that two encodings (128,) are of one person."""
    first, second = unit(np.stack([face, other]))
    return float(evidence(angle(first @ second)))


def angle_of(nats: float) -> float:
    """Radians between two faces at which ``evidence`` is so many nats, between the means of people at large.

    The difference of two parabolas is one, and falls between their vertices.
    """
    same = _SAME_PERSON_SPREAD**2 + _SAME_PERSON_PICTURE_SPREAD**2
    different = _DIFFERENT_PEOPLE_SPREAD**2 + _DIFFERENT_PEOPLE_PICTURE_SPREAD**2
    a = 0.5 / different - 0.5 / same
    b = _SAME_PERSON_ANGLE / same - _DIFFERENT_PEOPLE_ANGLE / different
    c = 0.5 * (_DIFFERENT_PEOPLE_ANGLE**2 / different - _SAME_PERSON_ANGLE**2 / same + np.log(different / same)) - nats
    root = (-b - sqrt(max(b * b - 4 * a * c, 0.0))) / (2 * a)
    return float(min(max(root, _SAME_PERSON_ANGLE), _DIFFERENT_PEOPLE_ANGLE))


@dataclass(frozen=True, eq=False)
class KnownPeople:
    """People as the sums (p, 128) of their unit encodings, and of how many ``pictures`` (p,), not always whole."""

    sums: _Floats
    pictures: _Floats

    @classmethod
    def of(cls, faces: _Floats, people: _Integers, weights: _Floats, count: int) -> "KnownPeople":
        """``count`` people from unit encodings (n, 128), each counted for its person by its weight, 0 to 1."""
        sums = np.zeros((count, faces.shape[1]))
        np.add.at(sums, people, faces * weights[:, None])
        return cls(sums, np.bincount(people, weights, count).astype(np.float64))

    def for_own(self, faces: _Floats, people: _Integers, weights: _Floats) -> _Floats:
        """The evidence (n,) that faces are their own people's, each taken without that face; 0 where none is left."""
        left = self.pictures[people] - weights
        own = np.einsum("ij,ij->i", faces, self.sums[people]) - weights
        pictures = np.maximum(left, _LEAST_PICTURES)
        return np.where(left >= _LEAST_PICTURES, evidence(angle(own / pictures), pictures), 0.0)

    def for_others(self, faces: _Floats, people: _Integers, alive: Alive = unheard) -> "Others":
        """What speaks for faces being of somebody other than their ``people`` (n,)."""
        best, nearest, total = np.empty(len(faces)), np.empty(len(faces), np.int64), np.empty(len(faces))
        known = self.pictures >= _LEAST_PICTURES
        means = self.sums / np.maximum(self.pictures, _LEAST_PICTURES)[:, None]
        for start in range(0, len(faces), _BLOCK):
            alive()
            rows = slice(start, start + _BLOCK)
            cosines = faces[rows] @ means.T
            cosines[:, ~known] = -1
            cosines[np.arange(len(cosines)), people[rows]] = -1
            face, person = np.nonzero(cosines > _NEAR_COSINE)
            nats = np.full(cosines.shape, -np.inf)
            nats[face, person] = evidence(angle(cosines[face, person]), self.pictures[person])
            best[rows], nearest[rows] = nats.max(axis=1), nats.argmax(axis=1)
            total[rows] = np.bincount(face, np.exp(nats[face, person]), len(cosines))
        return Others(best, nearest, total)

    def for_near(self, faces: _Floats, people: _Integers, near: _Integers, alive: Alive = unheard) -> "Others":
        """The same of those people ``near`` (n, k) alone who may matter; -1 is nobody."""
        best, nearest, total = np.empty(len(faces)), np.empty(len(faces), np.int64), np.empty(len(faces))
        means = self.sums / np.maximum(self.pictures, _LEAST_PICTURES)[:, None]
        for start in range(0, len(faces), _BLOCK):
            alive()
            rows = slice(start, start + _BLOCK)
            who = near[rows]
            there = (who >= 0) & (who != people[rows, None]) & (self.pictures[who] >= _LEAST_PICTURES)
            cosines = (means[who] @ faces[rows, :, None])[..., 0]
            nats = evidence(angle(cosines), np.maximum(self.pictures[who], _LEAST_PICTURES))
            nats[~there | (cosines <= _NEAR_COSINE)] = -np.inf
            first = nats.argmax(axis=1)[:, None]
            best[rows] = np.take_along_axis(nats, first, axis=1)[:, 0]
            nearest[rows] = np.take_along_axis(who, first, axis=1)[:, 0]
            total[rows] = np.exp(nats).sum(axis=1)
        return Others(best, nearest, total)


@dataclass(frozen=True, eq=False)
class Others:
    """Of each face the greatest evidence for another person, in nats, and that person; minus infinity if none is near.

    ``total`` is the sum of the ratios of likelihoods over all other people, whose logarithms are the evidence.
    """

    best: _Floats
    nearest: _Integers
    total: _Floats
