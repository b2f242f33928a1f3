"""What a recognizer answers of the held-out faces of each of its people."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from modelization.decision.decision_rule import logistic
from modelization.decision.held_out import HeldOut
from modelization.report.proportion import Proportion, proportion

#: People up to whom each is told of; with more the weakest alone.
MAX_LISTED_PEOPLE, WEAKEST = 1000, 100
#: People up to whom a confusion matrix is drawn: with more, a cell has fewer than six pixels on a phone.
MAX_MATRIX_PEOPLE = 50
#: Pairs of people that are listed as most confused.
MAX_CONFUSED_PAIRS = 20

_Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class PersonAnswers:
    """Of a person's ``faces`` those ``held_out``, and what they were answered with at the threshold.

    ``recall`` is the share named rightly, None for a person of whom nothing can be held out.
    """

    person: str
    faces: int
    held_out: int
    recall: Proportion | None
    named_another: int
    unknown: int


@dataclass(frozen=True)
class ConfusedPair:
    """Of a person's ``held_out`` faces, those ``likest`` another person, and those of them ``named`` so."""

    person: str
    taken_for: str
    likest: int
    named: int
    held_out: int


@dataclass(frozen=True)
class ConfusionMatrix:
    """``faces[i][j]`` held-out faces of ``people[i]`` were named ``people[j]``; the last column were unknown."""

    people: tuple[str, ...]
    faces: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Answers:
    """The answers for the people, the weakest first, of many these alone, and how they are confused.

    ``named_another`` and ``unknown`` are the faces of all people that were answered so, ``single`` the people with one
    face. ``matrix`` is None for more people than one can be drawn of.
    """

    people: tuple[PersonAnswers, ...]
    named_another: int
    unknown: int
    single: int
    matrix: ConfusionMatrix | None
    confused: tuple[ConfusedPair, ...]


def answers(held_out: HeldOut, threshold: float, labels: tuple[str, ...]) -> Answers:
    """What is answered at a threshold of confidence by people who are known without the face."""
    true, likest = held_out.people[held_out.known], held_out.likest[held_out.known]
    named = logistic(held_out.best()) >= threshold
    people = _people(held_out, true, true[named & (likest == true)], true[named & (likest != true)], labels)
    order = sorted(range(len(labels)), key=lambda person: _weakness(people[person]))
    answered = np.where(named, likest, len(labels))
    listed = order if len(labels) <= MAX_LISTED_PEOPLE else order[:WEAKEST]
    return Answers(
        tuple(people[person] for person in listed),
        int((named & (likest != true)).sum()),
        int((~named).sum()),
        int((held_out.faces_per_person == 1).sum()),
        _matrix(order, labels, true, answered) if len(labels) <= MAX_MATRIX_PEOPLE else None,
        _confused(true, likest, named, labels),
    )


def _people(
    held_out: HeldOut, true: _Integers, right: _Integers, another: _Integers, labels: tuple[str, ...]
) -> list[PersonAnswers]:
    """In the order of the labels; ``right`` and ``another`` are whose faces were named so."""
    columns = (
        held_out.faces_per_person,
        *(np.bincount(whose, minlength=len(labels)) for whose in (true, right, another)),
    )
    return [
        PersonAnswers(label, faces, tested, proportion(rightly, tested), wrongly, tested - rightly - wrongly)
        for label, faces, tested, rightly, wrongly in zip(labels, *(column.tolist() for column in columns), strict=True)
    ]


def _weakness(person: PersonAnswers) -> tuple[float, int, str]:
    """By rising recall, among equals those first of whom more faces say so; who was not evaluated comes last."""
    recall = person.recall.share if person.recall else 2.0
    return recall, -person.held_out, person.person


def _matrix(order: list[int], labels: tuple[str, ...], true: _Integers, answered: _Integers) -> ConfusionMatrix:
    counts = np.zeros((len(labels), len(labels) + 1), np.int64)
    np.add.at(counts, (true, answered), 1)
    sorted_counts = counts[order][:, [*order, len(labels)]]
    return ConfusionMatrix(tuple(labels[i] for i in order), tuple(map(tuple, sorted_counts.tolist())))


def _confused(
    true: _Integers, likest: _Integers, named: npt.NDArray[np.bool_], labels: tuple[str, ...]
) -> tuple[ConfusedPair, ...]:
    """The pairs most often confused, whether or not the face was then named so."""
    wrong = true != likest
    pairs, index = np.unique(np.stack([true[wrong], likest[wrong]], axis=1), axis=0, return_inverse=True)
    number = np.bincount(index, minlength=len(pairs))
    number_named = np.bincount(index, named[wrong], minlength=len(pairs)).astype(np.int64)
    most = np.lexsort((-number_named, -number))[:MAX_CONFUSED_PAIRS]
    held_out = np.bincount(true, minlength=len(labels))
    return tuple(
        ConfusedPair(
            labels[pairs[i, 0]], labels[pairs[i, 1]], int(number[i]), int(number_named[i]), int(held_out[pairs[i, 0]])
        )
        for i in most
    )
