"""How a label is read from what a person sent."""

import unicodedata
from pathlib import PurePosixPath

from constants.exceptions import InvalidRequest

#: Characters; longer than any name, short enough for a table.
MAX_LABEL = 200
#: Characters of a label as it is sent: accents may stand apart from their letters, and a heap of them is no name.
_MAX_SENT_LABEL = 5 * MAX_LABEL
#: Characters of a file's name with its folders, and folders: beyond what file systems have.
MAX_NAME, MAX_FOLDERS = 1024, 32

#: What stands between a name and its number.
_BEFORE_NUMBER = " \t_-.(#"


def clean_name(name: str) -> str:
    """A file's name as sent, with the folders it names and nothing that leads elsewhere.

    Raises ``InvalidRequest`` for a name, or a path of folders, that is longer than any is, and for control characters.
    """
    if len(name) > MAX_NAME or name.count("/") + name.count("\\") > MAX_FOLDERS:
        raise InvalidRequest(f"A file's name has at most {MAX_NAME} characters and {MAX_FOLDERS} folders.")
    if any(ord(character) < 32 for character in name):
        raise InvalidRequest("A file's name has no control characters.")
    # Bytes that no archive's encoding explains become question marks: a table takes no half characters.
    name = name.encode("utf-8", "replace").decode("utf-8")
    parts = [part for part in name.replace("\\", "/").split("/") if part not in ("", ".", "..")]
    return unicodedata.normalize("NFC", "/".join(parts))


def clean_label(label: str) -> str | None:
    """A label as it is kept: NFC, single spaces; ``None`` for an empty one.

    Raises ``InvalidRequest`` for one that is too long, or has control or half characters.
    """
    if len(label) > _MAX_SENT_LABEL:
        raise InvalidRequest(f"A label has at most {MAX_LABEL} characters and no control characters.")
    if any("\ud800" <= character <= "\udfff" for character in label):
        raise InvalidRequest("A label is text in Unicode; half a character, a surrogate, stands in this one.")
    label = " ".join(unicodedata.normalize("NFC", label).split())
    if len(label) > MAX_LABEL or any(unicodedata.category(character) == "Cc" for character in label):
        raise InvalidRequest(f"A label has at most {MAX_LABEL} characters and no control characters.")
    return label or None


def filename_label(name: str) -> str | None:
    """The file name's stem before its number: ``Alice_0001.jpg`` shows Alice."""
    stem = PurePosixPath(name).stem
    numbered = stem.removesuffix(")")
    end = len(numbered)
    while end and numbered[end - 1].isdecimal():
        end -= 1
    return clean_label(numbered[:end].rstrip(_BEFORE_NUMBER) if end < len(numbered) else stem)


def same_label(label: str, known: str) -> bool:
    """Whether two clean labels name one person: they may differ in case."""
    return _caseless(label) == _caseless(known)


def unify(labels: list[str | None]) -> list[str | None]:
    """The labels with those that differ in case alone made one, as it was first written."""
    first: dict[str, str] = {}
    return [None if label is None else first.setdefault(_caseless(label), label) for label in labels]


def _caseless(label: str) -> str:
    """What is equal for labels that differ in case alone: a canonical caseless match (Unicode 3.13, D145)."""
    return unicodedata.normalize("NFD", unicodedata.normalize("NFD", label).casefold())
