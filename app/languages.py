"""The page's words, in the language that whoever looks at it reads."""

from pathlib import Path

from flask import request

from constants.languages import LANGUAGES, words

#: The cookie that keeps a choice, and the argument that makes one.
CHOICE = "lang"
_FILE = Path(__file__).parent / "strings.json"


def strings() -> dict[str, str]:
    """Every string in the language of the request at hand, by its key."""
    return words(_FILE, language()).strings


def language() -> str:
    """The code of the language to answer the request at hand in: chosen, or else what the browser prefers."""
    chosen = request.args.get(CHOICE) or request.cookies.get(CHOICE)
    if chosen in LANGUAGES:
        return chosen
    preferred = (wanted.partition("-")[0].lower() for wanted in request.accept_languages.values())
    return next((code for code in preferred if code in LANGUAGES), next(iter(LANGUAGES)))


def say(key: str, count: float | None = None, **values: object) -> str:
    """A string in that language with its values; of ``one|many`` the form for a ``count``, which is its ``{n}``."""
    return words(_FILE, language()).say(key, count, **values)
