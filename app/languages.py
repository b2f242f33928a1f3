"""The page's words, in the language that whoever looks at it reads."""

import json
from functools import cache
from pathlib import Path

from flask import request

#: By its code, what each language calls itself; the first is for whoever reads none of them.
LANGUAGES = {"en": "English", "de": "Deutsch", "fr": "Français"}
#: The cookie that keeps a choice, and the argument that makes one.
CHOICE = "lang"
_FILE = Path(__file__).parent / "strings.json"

Strings = dict[str, str]


@cache
def strings(language: str) -> Strings:
    """Every string of a language, by its key. Raises ``KeyError`` where the file lacks one."""
    return {key: said[language] for key, said in json.loads(_FILE.read_text("utf-8")).items()}


def language() -> str:
    """The code of the language to answer the request at hand in: chosen, or else what the browser prefers."""
    chosen = request.args.get(CHOICE) or request.cookies.get(CHOICE)
    if chosen in LANGUAGES:
        return chosen
    preferred = (wanted.partition("-")[0].lower() for wanted in request.accept_languages.values())
    return next((code for code in preferred if code in LANGUAGES), next(iter(LANGUAGES)))


def say(key: str, count: float | None = None, **values: object) -> str:
    """A string in that language with its values; of ``one|many`` the form for a ``count``, which is its ``{n}``."""
    one, _, many = strings(language())[key].partition("|")
    is_many = bool(many) and count is not None and (count >= 2 if language() == "fr" else count != 1)
    number = f"{count:,}" if isinstance(count, int) else count
    return (many if is_many else one).format(n=number, **values)
