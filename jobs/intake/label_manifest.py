"""A table that says which files show whom, as a person writes it: CSV or JSON."""

import codecs
import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite, nan
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator, model_validator

from constants.exceptions import InvalidRequest, RequestTooLarge
from constants.validation import causes
from jobs.intake.labels import clean_label, clean_name, same_label
from jobs.table.records import Sides

#: Bytes; twenty thousand files with long names and boxes fit in, which a web process reads in a tenth of a second.
MAX_MANIFEST_BYTES = 4 << 20

#: People in one picture: as many faces as are judged of a photo.
MAX_PEOPLE = 100

#: The columns of a CSV, and the members of an object in JSON; the last four are a box, as in a recognition's answer.
_SIDES = ("x_min", "y_min", "x_max", "y_max")
_NEEDED = ("file", "person")
_COLUMNS = (*_NEEDED, "box", *_SIDES)
_KNOWN = "'file' and 'person', and may have 'box' or 'x_min', 'y_min', 'x_max' and 'y_max'"
#: What a CSV may have between its columns: spreadsheets write semicolons where the comma is a decimal one.
_DELIMITERS = ",;\t"


@dataclass(frozen=True)
class Label:
    """Who is in a picture, and where, if that is said."""

    person: str
    box: Sides | None = None


class _Row(BaseModel):
    """A row as it was written: a file, its people, and the box of one, in any of the ways that a box is written."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    file: str = Field("", validate_default=True)
    person: tuple[str, ...] = Field((), validate_default=True)
    box: Sides | None = None

    @field_validator("file", mode="before")
    @classmethod
    def _name(cls, written: object) -> str:
        name = clean_name(written) if isinstance(written, str) else ""
        if not name:
            raise ValueError("names no file")
        return name

    @field_validator("person", mode="before")
    @classmethod
    def _people(cls, written: object, info: ValidationInfo) -> tuple[str, ...]:
        several = written if isinstance(written, list) else [written]
        people = [clean_label(person) if isinstance(person, str) else None for person in several]
        named = tuple(person for person in people if person is not None)
        if not named or len(named) < len(people):
            raise ValueError(f"names nobody in {info.data.get('file', '')!r}")
        return named

    @model_validator(mode="before")
    @classmethod
    def _box_of_sides(cls, written: dict[str, Any]) -> dict[str, Any]:
        """The row with what it says of a box as four numbers."""
        sides = {name: written[name] for name in _SIDES if name in written}
        rest = {name: value for name, value in written.items() if name not in _SIDES}
        if sides:
            rest["box"] = sides if "box" not in written else ()  # both is none
        return rest

    @field_validator("box", mode="before")
    @classmethod
    def _numbers(cls, written: object) -> tuple[float, ...]:
        if isinstance(written, str):
            written = written.replace(",", " ").replace(";", " ").split()
        elif isinstance(written, dict):
            written = [written.get(name) for name in _SIDES]
        numbers = [_number(value) for value in written] if isinstance(written, list) else []
        if len(numbers) == 4 and all(map(isfinite, numbers)) and numbers[0] < numbers[2] and numbers[1] < numbers[3]:
            return tuple(numbers)
        raise ValueError("has no box that is one: x_min, y_min, x_max and y_max in pixels, min below max")

    @model_validator(mode="after")
    def _one_for_a_box(self) -> "_Row":
        if self.box is not None and len(self.person) > 1:
            raise ValueError(f"gives one box for {len(self.person)} people")
        return self


def read_manifest(content: bytes) -> dict[str, tuple[Label, ...]]:
    """The labels of each file that a manifest names, by the file's name.

    A CSV has the columns ``file`` and ``person``, and may have ``box`` (four numbers) or ``x_min``, ``y_min``,
    ``x_max`` and ``y_max``. JSON is a list of objects with these members, in which ``person`` may be a list and
    ``box`` a list or an object. A file may stand in several rows with different people if each has a box.

    Raises ``InvalidRequest`` with the place and a sentence for anything else.
    """
    text = _decoded(content)
    rows = _from_json(text) if text.lstrip().startswith(("[", "{")) else _from_csv(text)
    labels: dict[str, list[Label]] = {}
    for where, row in rows:
        before = labels.setdefault(row.file, [])
        if len(before) + len(row.person) > MAX_PEOPLE:
            raise InvalidRequest(f"{where}: {row.file!r} is named for more than {MAX_PEOPLE} people.")
        before += [Label(person, row.box) for person in row.person if not _is_repeated(where, row, person, before)]
    if not labels:
        raise InvalidRequest("The manifest names no file.")
    return {file: tuple(found) for file, found in labels.items()}


def assign(manifest: Mapping[str, Sequence[Label]], names: Sequence[str]) -> list[tuple[Label, ...]]:
    """For each file that was sent the labels that a manifest gives it, none for one that it does not name.

    A manifest may leave out leading folders, as long as one file alone is meant. Raises ``InvalidRequest`` for a
    name in it that no file has, or more than one.
    """
    meant = _by_name(names) if manifest else {}
    labels: list[tuple[Label, ...]] = [()] * len(names)
    named: dict[int, str] = {}
    for file, found in manifest.items():
        indices = meant.get(file, ())
        if len(indices) != 1:
            count = f"{len(indices)} of the files that were sent have" if indices else "no file that was sent has"
            raise InvalidRequest(f"The manifest names {file!r}, and {count} this name.")
        if indices[0] in named:
            raise InvalidRequest(f"The manifest names one file as {named[indices[0]]!r} and as {file!r}.")
        named[indices[0]] = file
        labels[indices[0]] = tuple(found)
    return labels


def _by_name(names: Sequence[str]) -> dict[str, list[int]]:
    """The files that each name may mean: those of just that name, or else those that have it behind some folders."""
    whole: dict[str, list[int]] = {}
    tails: dict[str, list[int]] = {}
    for index, name in enumerate(names):
        whole.setdefault(name, []).append(index)
        parts = name.split("/")
        for start in range(1, len(parts)):
            tails.setdefault("/".join(parts[start:]), []).append(index)
    return tails | whole


def _is_repeated(where: str, row: _Row, person: str, before: Sequence[Label]) -> bool:
    """Whether an earlier row said the same; one that contradicts it is refused."""
    for label in before:
        if same_label(label.person, person):
            if label.box == row.box:
                return True
            raise InvalidRequest(f"{where}: {row.file!r} is named twice for {person!r} with different boxes.")
        if label.box is None or row.box is None or label.box == row.box:
            raise InvalidRequest(
                f"{where}: {row.file!r} is named for {label.person!r} and for {person!r}; "
                "keep the right one or, if both are in the picture, give each a box of its own."
            )
    return False


def _decoded(content: bytes) -> str:
    if len(content) > MAX_MANIFEST_BYTES:
        raise RequestTooLarge(f"The manifest has more than {MAX_MANIFEST_BYTES >> 20} MiB.")
    encoding = "utf-16" if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8"
    try:
        return content.decode(encoding).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise InvalidRequest("The manifest cannot be read as text; save it as UTF-8.") from error


def _from_csv(text: str) -> Iterator[tuple[str, _Row]]:
    header = text.lstrip().partition("\n")[0]
    reader = csv.reader(io.StringIO(text), delimiter=max(_DELIMITERS, key=header.count), skipinitialspace=True)
    columns: list[str] = []
    try:
        for line in reader:
            values = [value.strip() for value in line]
            if not any(values):
                continue
            if not columns:
                columns = [value.casefold() for value in values]
                _refuse_columns(columns)
                continue
            where = f"The manifest's line {reader.line_num}"
            if len(values) > len(columns):
                raise InvalidRequest(f"{where} has {len(values)} columns, and the first line names {len(columns)}.")
            yield where, _row(where, {name: value for name, value in zip(columns, values, strict=False) if value})
    except csv.Error as error:
        raise InvalidRequest(f"The manifest's line {reader.line_num} cannot be read: {error}.") from error


def _refuse_columns(columns: Sequence[str]) -> None:
    """Raise ``InvalidRequest`` unless the first line names the columns that are needed, and known ones only, once."""
    missing = [name for name in _NEEDED if name not in columns]
    if missing:
        raise InvalidRequest(f"The manifest's first line does not name the column {missing[0]!r}; it needs {_KNOWN}.")
    wrong = next((name for name in columns if name not in _COLUMNS or columns.count(name) > 1), None)
    if wrong is not None:
        raise InvalidRequest(f"The manifest's column {wrong!r} is not known, or there twice; it has {_KNOWN}.")


def _from_json(text: str) -> Iterator[tuple[str, _Row]]:
    try:
        entries = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidRequest("The manifest is no JSON that can be read.") from error
    if not isinstance(entries, list):
        raise InvalidRequest('A manifest in JSON is a list: [{"file": "1.jpg", "person": "Ada"}, …].')
    for number, entry in enumerate(entries, 1):
        where = f"The manifest's entry {number}"
        if not isinstance(entry, dict):
            raise InvalidRequest(f"{where} is no object with 'file' and 'person'.")
        wrong = next((name for name in entry if name not in _COLUMNS), None)
        if wrong is not None:
            raise InvalidRequest(f"{where} has {wrong!r}, which is not known; it has {_KNOWN}.")
        yield where, _row(where, {name: value for name, value in entry.items() if value is not None})


def _row(where: str, fields: Mapping[str, Any]) -> _Row:
    try:
        return _Row.model_validate(fields)
    except ValidationError as error:
        raise InvalidRequest(f"{where} {causes(error)[0]}.") from error


def _number(value: object) -> float:
    """A number, or not a number (NaN) for what is none."""
    try:
        return nan if isinstance(value, bool) else float(value)  # type: ignore[arg-type]  # caught
    except (TypeError, ValueError, OverflowError):
        return nan
