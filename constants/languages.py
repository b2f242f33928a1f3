"""The languages that people are spoken to in: what is said in each, and how it writes numbers."""

import json
from functools import cache
from pathlib import Path

#: By its code, what each language calls itself; the first is for whoever reads none of them.
LANGUAGES = {"en": "English", "de": "Deutsch", "fr": "Français"}
#: What each puts between thousands, and before decimals (Unicode's CLDR).
_SEPARATORS = {"en": (",", "."), "de": (".", ","), "fr": ("\u202f", ",")}


class Words:
    """The strings of a ``file`` in a language; the file has each by its key, in every language by its code.

    Raises ``KeyError`` where the file lacks one.
    """

    def __init__(self, file: Path, language: str) -> None:
        self.language = language
        self.strings: dict[str, str] = {
            key: said[language] for key, said in json.loads(file.read_text("utf-8")).items()
        }

    def say(self, key: str, count: float | None = None, **values: object) -> str:
        """A string with its values.

        Of ``one|many`` or ``none|one|many`` it is the form for a ``count``, which is its ``{n}``.
        """
        forms = self.strings[key].split("|")
        number = None if count is None else self.number(count)
        return forms[self._form(len(forms), count)].format(n=number, **values)

    def number(self, value: float) -> str:
        """A number as the language writes it: whole, or with six digits that count."""
        thousands, decimals = _SEPARATORS[self.language]
        english = f"{value:,}" if isinstance(value, int) else f"{value:,g}"
        return english.translate({ord(","): thousands, ord("."): decimals, ord("-"): "\N{MINUS SIGN}"})

    def _form(self, forms: int, count: float | None) -> int:
        if count is None or forms == 1 or (forms == 3 and count == 0):
            return 0
        is_many = count >= 2 if self.language == "fr" else count != 1
        return forms - 2 + is_many


@cache
def words(file: Path, language: str) -> Words:
    """The strings of a file in a language, read once."""
    return Words(file, language)
