"""What somebody should do about a recognizer next, the most useful first."""

from collections.abc import Iterator, Sequence

from modelization.report.answers import PersonAnswers
from modelization.report.content import BuildReport
from modelization.report.words import ReportWords

#: Below this share of a person's held-out faces named rightly, more pictures are asked for; and from so many faces on.
_WEAK, _LEAST_HELD_OUT = 0.8, 2
#: Names that a sentence has.
_MOST_NAMES = 5


def next_steps(report: BuildReport, words: ReportWords) -> list[str]:
    """Sentences that say what to do, or that nothing needs doing."""
    return list(_steps(report, words)) or [words.say("steps.none")]


def _steps(report: BuildReport, words: ReportWords) -> Iterator[str]:
    findings, people = report.findings, report.answers.people
    if findings.doubtful_labels:
        yield words.spelled("steps.doubtful", len(findings.doubtful_labels))
    for person, other in findings.same_person[:_MOST_NAMES]:
        yield words.say("steps.same", person=_isolated(person), other=_isolated(other))
    single = [person for person in people if person.faces == 1]
    if report.answers.single:
        who = _named(single, words) if single else words.say("steps.single.many", report.answers.single)
        yield words.say("steps.single", who=who)
    weak = [
        person
        for person in people
        if person.recall and person.held_out >= _LEAST_HELD_OUT and person.recall.share < _WEAK
    ]
    if weak:
        yield words.say("steps.weak", who=_named(weak, words))
    if report.pictures.images_rejected:
        yield words.spelled("steps.rejected", report.pictures.images_rejected)


def _named(people: Sequence[PersonAnswers], words: ReportWords) -> str:
    names = [_isolated(person.person) for person in people[:_MOST_NAMES]]
    if len(people) > _MOST_NAMES:
        names.append(words.say("others", len(people) - _MOST_NAMES))
    return names[0] if len(names) == 1 else words.say("and", names=", ".join(names[:-1]), last=names[-1])


def _isolated(name: str) -> str:
    """A name in whatever direction it is written, which must not turn the sentence around it (Unicode's UAX 9)."""
    return f"\u2068{name}\u2069"
