"""What somebody should do about a recognizer next, the most useful first."""

from collections.abc import Iterator, Sequence

from modelization.report.answers import PersonAnswers
from modelization.report.content import BuildReport
from modelization.report.words import counted

#: Below this share of a person's held-out faces named rightly, more pictures are asked for; and from so many faces on.
_WEAK, _LEAST_HELD_OUT = 0.8, 2
#: Names that a sentence has.
_MOST_NAMES = 5


def next_steps(report: BuildReport) -> list[str]:
    """Sentences that say what to do, or that nothing needs doing."""
    return list(_steps(report)) or ["Nothing needs doing. Try it on photos that it has not seen."]


def _steps(report: BuildReport) -> Iterator[str]:
    findings, people = report.findings, report.answers.people
    if findings.doubtful_labels:
        pictures = counted(len(findings.doubtful_labels), "picture", "pictures")
        yield f"Look at the {pictures} below that may show somebody else: one wrong picture spoils a person's others."
    for person, other in findings.same_person[:_MOST_NAMES]:
        yield f"If {_isolated(person)} and {_isolated(other)} are one person, give them one name."
    single = [person for person in people if person.faces == 1]
    if report.answers.single:
        who = _named(single) if single else f"the {report.answers.single:,} people who have one"
        yield f"Send at least one picture more of {who}: of a single one nothing can be checked."
    weak = [
        person
        for person in people
        if person.recall and person.held_out >= _LEAST_HELD_OUT and person.recall.share < _WEAK
    ]
    if weak:
        yield f"Send more pictures of {_named(weak)}, in other light or pose: they are often not recognized."
    if report.pictures.images_rejected:
        files = counted(report.pictures.images_rejected, "file was", "files were")
        yield f"See below why {files} not used, and whether you have better ones."


def _named(people: Sequence[PersonAnswers]) -> str:
    names = [_isolated(person.person) for person in people[:_MOST_NAMES]]
    if len(people) > _MOST_NAMES:
        names.append(f"{len(people) - _MOST_NAMES} others")
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _isolated(name: str) -> str:
    """A name in whatever direction it is written, which must not turn the sentence around it (Unicode's UAX 9)."""
    return f"\u2068{name}\u2069"
