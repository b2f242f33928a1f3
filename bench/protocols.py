"""How well encodings tell people apart: verification, closed-set and open-set identification."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from features.angle_evidence import unit
from modelization.decision.decision_rule import RULES
from modelization.decision.drawn_galleries import head_posterior
from modelization.decision.evidence import weigh_evidence
from modelization.decision.gallery import enrol
from modelization.decision.prior import Prior
from preprocessor.types import Floats

_Integers = npt.NDArray[np.int64]
_Booleans = npt.NDArray[np.bool_]

#: Folds of verification, as in LFW's protocol (Huang et al. 2007), and of closed-set identification.
VERIFICATION_FOLDS, IDENTIFICATION_FOLDS = 10, 5
#: Open set: pictures of a person that are enrolled, of those with one more at least, and how often they are drawn.
ENROLLED, DRAWS = 3, 4

#: From enrolled encodings, whom they show (0, 1, … in order), and other faces: (faces, people), higher is likelier.
Score = Callable[[Floats, _Integers, Floats], Floats]


def cosine_to_mean(enrolled: Floats, people: _Integers, faces: Floats) -> Floats:
    """The cosine to the mean of a person's unit encodings."""
    return np.asarray(unit(faces) @ _means(unit(enrolled), people).T)


def nearest_picture(enrolled: Floats, people: _Integers, faces: Floats) -> Floats:
    """The Euclidean distance to the nearest picture of a person, negated: what is usually done."""
    squared = (faces**2).sum(axis=1)[:, None] + (enrolled**2).sum(axis=1) - 2 * faces @ enrolled.T
    first_of_person = np.flatnonzero(np.diff(people, prepend=-1))
    return np.asarray(-np.sqrt(np.maximum(np.minimum.reduceat(squared, first_of_person, axis=1), 0)))


def by_rule(prior: Prior, name: str) -> Score:
    """The logit of one of a prior's rules; for the one that asks a head, that is trained."""

    def score(enrolled: Floats, people: _Integers, faces: Floats) -> Floats:
        gallery = enrol(enrolled, people, int(people.max()) + 1)
        posterior = None
        if "network" in RULES[name]:
            known, probes = np.asarray(enrolled, np.float32), np.asarray(faces, np.float32)
            posterior = head_posterior(known, people, probes, prior.background)
        return prior.rules[name].rule.logits(weigh_evidence(prior.model, gallery, faces, posterior))

    return score


def draw_pairs(people: _Integers, count: int, rng: np.random.Generator) -> tuple[_Integers, _Booleans]:
    """``count`` pairs of faces of one person and as many of two, (n, 2), no pair twice, and which are of one.

    People are drawn first, then their pictures, so that nobody weighs more for having many. There are fewer
    pairs where the faces do not give so many.
    """
    of_person = [np.flatnonzero(people == person) for person in np.unique(people)]
    several = [faces for faces in of_person if len(faces) > 1]
    matched: set[tuple[int, int]] = set()
    mismatched: set[tuple[int, int]] = set()
    wanted = min(count, sum(len(faces) * (len(faces) - 1) // 2 for faces in several) // 2)
    while len(matched) < wanted:
        first, second = sorted(rng.choice(several[rng.integers(len(several))], 2, replace=False).tolist())
        matched.add((first, second))
    while len(mismatched) < wanted:
        one, other = rng.choice(len(of_person), 2, replace=False)
        first, second = sorted((int(rng.choice(of_person[one])), int(rng.choice(of_person[other]))))
        mismatched.add((first, second))
    pairs = np.array(sorted(matched) + sorted(mismatched), np.int64)
    return pairs, np.arange(len(pairs)) < len(matched)


def verification(encodings: Floats, pairs: _Integers, same: _Booleans, rng: np.random.Generator) -> float:
    """Share of pairs told rightly by Euclidean distance, each fold by the threshold best on the others."""
    distance = np.linalg.norm(encodings[pairs[:, 0]] - encodings[pairs[:, 1]], axis=1)
    folds = rng.permutation(len(pairs)) % VERIFICATION_FOLDS
    right = [
        (distance[folds == fold] < _best_threshold(distance[folds != fold], same[folds != fold])) == same[folds == fold]
        for fold in range(VERIFICATION_FOLDS)
    ]
    return float(np.concatenate(right).mean())


def closed_set(
    encodings: Floats, people: _Integers, least: int, rng: np.random.Generator, score: Score = cosine_to_mean
) -> _Booleans | None:
    """Whether each face's best person, enrolled with the faces of the other folds, is its own.

    Of people with at least ``least`` faces; None where there are not two of them.
    """
    chosen = np.bincount(people)[people] >= least
    who, known = np.unique(people[chosen], return_inverse=True)
    if len(who) < 2:
        return None
    faces, folds = encodings[chosen], np.empty(len(known), np.int64)
    for person in range(len(who)):
        own = np.flatnonzero(known == person)
        folds[own] = (rng.permutation(len(own)) + person) % IDENTIFICATION_FOLDS
    right = []
    for fold in range(IDENTIFICATION_FOLDS):
        learn, judge = folds != fold, folds == fold
        right.append(score(faces[learn], known[learn], faces[judge]).argmax(axis=1) == known[judge])
    return np.concatenate(right)


@dataclass(frozen=True)
class OpenSet:
    """Best scores of probes of known people, whether it is their own, (n,), and of strangers, (m,)."""

    probes: Floats
    right: _Booleans
    strangers: Floats

    @property
    def rank1(self) -> float:
        return float(self.right.mean())

    def dir_at(self, fpir: float) -> float:
        """Share of probes named rightly, at the threshold that names a share ``fpir`` of these strangers."""
        threshold = np.quantile(self.strangers, 1 - fpir, method="higher")
        return float((self.right & (self.probes > threshold)).mean())


def open_set(
    encodings: Floats, people: _Integers, rng: np.random.Generator, score: Score, enrolled_faces: int = ENROLLED
) -> OpenSet:
    """Known are people with more than ``enrolled_faces`` faces, so many of them enrolled; strangers those with one."""
    count = np.bincount(people)
    strangers = encodings[count[people] == 1]
    who, known = np.unique(people[count[people] > enrolled_faces], return_inverse=True)
    faces = encodings[count[people] > enrolled_faces]
    draws = []
    for _ in range(DRAWS):
        drawn = [rng.permutation(np.flatnonzero(known == k))[:enrolled_faces] for k in range(len(who))]
        enrolled = np.concatenate(drawn)
        probe = np.setdiff1d(np.arange(len(known)), enrolled)
        scores = score(faces[enrolled], known[enrolled], np.concatenate([faces[probe], strangers]))
        probes, others = scores[: len(probe)], scores[len(probe) :]
        draws.append((probes.max(axis=1), probes.argmax(axis=1) == known[probe], others.max(axis=1)))
    return OpenSet(*(np.concatenate(column) for column in zip(*draws, strict=True)))


def _best_threshold(distance: Floats, same: _Booleans) -> float:
    order = np.argsort(distance)
    right = np.cumsum(np.where(same[order], 1, -1))
    best = int(right.argmax())
    return float(distance[order][best : best + 2].mean())


def _means(faces: Floats, people: _Integers) -> Floats:
    """Directions (people, 128) of the means of unit encodings."""
    sums = np.zeros((people.max() + 1, faces.shape[1]))
    np.add.at(sums, people, faces)
    return unit(sums)
