"""What is probably wrong with the pictures of a build, said by the names of their files."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from features.doctor import Examination, FaceFinding


@dataclass(frozen=True)
class DoubtfulLabel:
    """A file whose face is by this ``probability`` not the ``person`` it was sent for.

    ``resembles`` is whom of the others it looks like, None for nobody here.
    """

    file: str
    person: str
    resembles: str | None
    probability: float


@dataclass(frozen=True)
class Findings:
    """Doubtful labels, the surest first; groups of files that show one moment; labels that may be one person's."""

    doubtful_labels: tuple[DoubtfulLabel, ...] = ()
    near_duplicates: tuple[tuple[str, ...], ...] = ()
    same_person: tuple[tuple[str, str], ...] = ()


def name_files(examination: Examination, names: Mapping[int, str]) -> Findings:
    """The findings of an examination, whose files are numbers, with the ``names`` that they were sent with."""
    doubtful = [
        DoubtfulLabel(names[face.file], face.person, face.resembles, face.wrong)
        for face in examination.faces
        if face.is_suspect
    ]
    alike = {
        (min(person.person, other), max(person.person, other))
        for person in examination.people
        for other in person.looks_like
    }
    return Findings(
        tuple(sorted(doubtful, key=lambda label: (-label.probability, label.file, label.person))),
        tuple(sorted(tuple(sorted(names[file] for file in group)) for group in _groups(examination.faces))),
        tuple(sorted(alike)),
    )


def _groups(faces: Sequence[FaceFinding]) -> Iterator[set[int]]:
    """Files that are near-duplicates of each other, or of ones that are."""
    near: dict[int, set[int]] = {}
    for face in faces:
        for other in face.near_duplicates:
            near.setdefault(face.file, set()).add(other)
            near.setdefault(other, set()).add(face.file)
    while near:
        group, reached = set(), {next(iter(near))}
        while reached:
            file = reached.pop()
            group.add(file)
            reached |= near.pop(file) - group
        yield group
