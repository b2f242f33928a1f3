"""Galleries drawn from a data set of many people, with faces that they have not seen: what a prior learns from."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from features.training_set import TrainingSet
from modelization.decision.background import Background
from modelization.decision.evidence import EVIDENCE, weigh_evidence
from modelization.decision.gallery import enrol
from modelization.decision.two_covariance import TwoCovariance
from modelization.folds import NEVER
from modelization.open_training_set import OpenTrainingSet
from modelization.topology import DEFAULT_TOPOLOGY

#: People of such a gallery, and the most pictures of one: from a family to a company.
_PRIOR_MIN_PEOPLE, PRIOR_MAX_PEOPLE, PRIOR_MAX_FACES = 2, 500, 20
#: Faces of known people, and strangers, that judge such a gallery at most.
_PRIOR_PROBES = 1000

_Encodings = npt.NDArray[np.float32]
_Floats = npt.NDArray[np.float64]
_Integers = npt.NDArray[np.int64]

#: Persons of a gallery whose evidence is kept for a face: the nearest, among which every rule finds its best.
_KEPT = 3


@dataclass(frozen=True)
class DrawnGallery:
    """Evidence (n, 3, len(EVIDENCE)) of faces for the nearest people; ``right`` (n, 3) whether one is the face's own.

    ``strangers`` (n,) are faces of people who are not in the gallery, of ``people`` people whose mean of
    1 / faces is ``inverse_faces``. The network's evidence means something where there is a head.
    """

    people: int
    inverse_faces: float
    has_head: bool
    evidence: _Floats
    right: npt.NDArray[np.bool_]
    strangers: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class _Sample:
    """Rows of a data set: enrolled faces and whom they show, other faces of these people or -1 for strangers."""

    enrolled: _Integers
    members: _Integers
    faces: _Integers
    truth: _Integers


def draw_galleries(
    encodings: _Encodings,
    people: _Integers,
    model: TwoCovariance,
    with_head: Sequence[bool],
    rng: np.random.Generator,
) -> Iterator[DrawnGallery]:
    """Galleries from a family to a company, some with as many pictures of everyone and some with any.

    One for each of ``with_head``, which says whether it trains a head. Raises ``ValueError`` where there are
    too few people for that.
    """
    for has_head in with_head:
        yield _judge(encodings, _draw(people, rng), model, has_head)


def _draw(people: _Integers, rng: np.random.Generator) -> _Sample:
    size = int(np.exp(rng.uniform(np.log(_PRIOR_MIN_PEOPLE), np.log(PRIOR_MAX_PEOPLE))))
    pictures = int(rng.integers(1, PRIOR_MAX_FACES // 2)) if rng.random() < 0.5 else None
    enough = np.flatnonzero(np.bincount(people) > (pictures or 1))
    if len(enough) < _PRIOR_MIN_PEOPLE:
        raise ValueError(f"fewer than {_PRIOR_MIN_PEOPLE} of a half of the people have {(pictures or 1) + 1} pictures")
    members = rng.choice(enough, min(size, len(enough)), replace=False)
    enrolled, others = [], []
    for member in members:
        own = rng.permutation(np.flatnonzero(people == member))
        taken = pictures or int(rng.integers(1, min(len(own), PRIOR_MAX_FACES + 1)))
        enrolled.append(own[:taken])
        others.append(own[taken:])
    some = rng.permutation(sum(map(len, others)))[:_PRIOR_PROBES]
    strangers = rng.permutation(np.flatnonzero(~np.isin(people, members)))
    # A person with many pictures is one stranger.
    strangers = strangers[np.sort(np.unique(people[strangers], return_index=True)[1])][:_PRIOR_PROBES]
    return _Sample(
        np.concatenate(enrolled),
        np.repeat(np.arange(len(members)), [len(rows) for rows in enrolled]),
        np.concatenate([np.concatenate(others)[some], strangers]),
        np.concatenate(
            [
                np.repeat(np.arange(len(members)), [len(rows) for rows in others])[some],
                np.full(len(strangers), -1),
            ]
        ),
    )


def _judge(encodings: _Encodings, sample: _Sample, model: TwoCovariance, has_head: bool) -> DrawnGallery:
    known, faces = encodings[sample.enrolled], encodings[sample.faces]
    gallery = enrol(known, sample.members, int(sample.members.max()) + 1)
    people = len(gallery.faces)
    posterior = head_posterior(known, sample.members, faces, Background(model)) if has_head else None
    evidence = weigh_evidence(model, gallery, faces, posterior)
    nearest = np.argsort(evidence[..., EVIDENCE.index("distance")], axis=1)[:, :_KEPT]
    # A couple's third person is the second again, who never comes before the second.
    nearest = np.pad(nearest, ((0, 0), (0, _KEPT - nearest.shape[1])), mode="edge")
    return DrawnGallery(
        people=people,
        inverse_faces=gallery.inverse_faces,
        has_head=has_head,
        evidence=np.take_along_axis(evidence, nearest[..., None], axis=1),
        right=nearest == sample.truth[:, None],
        strangers=sample.truth < 0,
    )


def head_posterior(encodings: _Encodings, people: _Integers, faces: _Encodings, background: Background) -> _Floats:
    """The posterior (n, people + 1) of faces, by a head trained on encodings of people 0, 1, … as every one is."""
    from modelization.head_training import forget_networks, train_head  # TensorFlow, which only this needs

    labels = tuple(f"{person:05}" for person in range(people.max() + 1))
    try:
        known = TrainingSet(encodings, people, labels)
        learned = OpenTrainingSet(known, np.full(len(people), NEVER), background)
        head = train_head(learned, DEFAULT_TOPOLOGY, 0, lambda *_: None)
        return np.asarray(head.predict(faces), np.float64)
    finally:
        forget_networks()
