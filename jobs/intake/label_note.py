"""A sentence about where the labels of a request were found, for whoever sent it to see whether that is meant."""

from collections import Counter
from collections.abc import Sequence
from pathlib import PurePosixPath

from jobs.intake.labels import clean_label, filename_label, same_label

#: A file's name, and its label.
_File = tuple[str, str | None]


def label_note(files: Sequence[_File]) -> str:
    """Which level of folders names people, that labels came with the files, or what to do where there are none."""
    labelled = [(name, label) for name, label in files if label is not None]
    if not labelled:
        return _none_labelled([name for name, _ in files])
    people = len({label for _, label in labelled})
    said = f"{_where(labelled)}: {people} {'person' if people == 1 else 'people'}"
    left = len(files) - len(labelled)
    return said + (f"; {left} {'file has' if left == 1 else 'files have'} no label." if left else ".")


def _where(labelled: Sequence[_File]) -> str:
    found = [_level(PurePosixPath(name).parts[:-1], label) for name, label in labelled]
    levels = Counter(level for level in found if level is not None)
    if not levels:
        return "Labels were sent with the files, or are in their names"
    level = levels.most_common(1)[0][0]
    example = labelled[found.index(level)][0]
    return f"Labels are folders of level {level}, as in {example!r}"


def _level(folders: Sequence[str], label: str | None) -> int | None:
    """The innermost folder that is called like a label, counted from 1 at the outermost."""
    named = [number for number, folder in enumerate(folders, 1) if same_label(clean_label(folder) or "", label or "")]
    return named[-1] if named else None


def _none_labelled(names: Sequence[str]) -> str:
    said = "No file says who is on it, so that faces are grouped as they resemble each other."
    stems = Counter(filename_label(name) for name in names if PurePosixPath(name).stem[-1:].isdecimal())
    people = [stem for stem, number in stems.items() if stem and number > 1]
    if 2 * sum(stems[stem] for stem in people) > len(names):
        some = " and ".join(map(repr, people[:2]))
        return f"{said} If the files' names say it ({some}), send label_from=filename with them."
    return said
