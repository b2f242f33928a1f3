"""Sentences for a person of what pydantic found wrong: in a query, a form, a manifest, a command or a setting."""

from collections.abc import Callable, Iterable
from difflib import get_close_matches

from pydantic import ValidationError
from pydantic_core import ErrorDetails

#: Characters of a value that is said again; a longer one would hide the sentence.
_MOST_REPEATED = 50


def causes(error: ValidationError) -> list[str]:
    """What is wrong with each value, without its name."""
    return [_cause(problem) for problem in error.errors()]


def sentences(error: ValidationError, kind: str, known: Iterable[str], written: Callable[[str], str] = str) -> str:
    """A sentence for each value that is wrong, with its name as it is ``written`` by a person.

    ``kind`` is what such a value is called, such as an option; ``known`` are the names of all there are.
    """
    return " ".join(_sentence(problem, kind, sorted(known), written) for problem in error.errors())


def no_such(kind: str, name: str, known: Iterable[str]) -> str:
    """That nothing is called so, with the name that was probably meant, or else all there are."""
    names = sorted(known)
    meant = get_close_matches(name, names, 1)
    if meant:
        return f"There is no {kind} {name!r}; did you mean {meant[0]!r}?"
    if not names:
        return f"There is no {kind} {name!r}; there are none here."
    return f"There is no {kind} {name!r}; the {kind}s are {', '.join(names)}."


def _sentence(problem: ErrorDetails, kind: str, known: list[str], written: Callable[[str], str]) -> str:
    name = written(".".join(map(str, problem["loc"])))
    if problem["type"] == "extra_forbidden":
        return no_such(kind, name, map(written, known))
    if problem["type"] == "missing":
        return f"The {kind} {name!r} is missing."
    return f"The {kind} {name!r} is wrong: {_cause(problem)}."


def _cause(problem: ErrorDetails) -> str:
    """Pydantic's message and what was given instead; of an error that a validator raised, its own words alone."""
    if problem["type"] == "value_error":
        return problem["msg"].removeprefix("Value error, ")
    given = problem["input"]
    said = f", not {given!r}" if isinstance(given, str | int | float) and len(str(given)) <= _MOST_REPEATED else ""
    return problem["msg"] + said
