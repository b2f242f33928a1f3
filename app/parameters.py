"""What a request may carry beside its path: checked as the interface's description says it."""

from typing import Annotated, Any, Literal, TypeGuard, TypeVar

from flask import request
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, WithJsonSchema, model_validator

from app import request_ids
from app.idempotency_keys import HEADER, PATTERN
from app.uploads import MAX_PHOTOS, Base64Photo, BuildForm, LabelForm
from constants.exceptions import InvalidRequest
from constants.languages import LANGUAGES
from constants.reasons import Reason
from constants.validation import sentences
from jobs.table.pages import Part
from jobs.table.tables import BuildState, FileState
from modelization.bundle.download_formats import FORMATS, REPORTS

#: What names the newest version that is ready, and the digits that no number of a version reaches.
_LATEST, _MAX_DIGITS = "latest", 9

#: Most entries of a list at a time, for who asks for a part of it.
MAX_PAGE = 1000

#: A language to be answered in.
Language = Literal[*LANGUAGES] | None  # type: ignore[valid-type]

_Arguments = TypeVar("_Arguments", bound=BaseModel)


def arguments(model: type[_Arguments]) -> _Arguments:
    """The arguments of the request at hand.

    Raises ``InvalidRequest`` for one that is not as it should be, that is there twice, or that nothing here has.
    """
    given = request.args.to_dict(flat=False)
    twice = next((name for name, values in given.items() if len(values) > 1), None)
    if twice is not None:
        raise InvalidRequest(f"The argument {twice!r} is given more than once.")
    try:
        return model.model_validate({name: value for name, (value,) in given.items()})
    except ValidationError as error:
        known = [field.alias or name for name, field in model.model_fields.items()]
        raise InvalidRequest(sentences(error, "argument", known)) from error


def is_number(given: object, most_digits: int) -> TypeGuard[str]:
    """Whether something is a number as it stands in a query or a header: so many digits at the most."""
    return isinstance(given, str) and given.isascii() and given.isdigit() and len(given) <= most_digits


def _version(named: object) -> object:
    """The number of a version as it stands in a query; ``None`` for the latest one."""
    if named is None or named == _LATEST:
        return None
    if not is_number(named, _MAX_DIGITS - 1):
        raise ValueError(f"there is no version {named!r}; a version is a number from 1, or '{_LATEST}'")
    return int(named)


def _recognizer(named: object) -> object:
    if not named:
        raise ValueError("say which recognizer, by ?id=… with the id that /build_recognizer gave")
    return named


#: A file in a form, as OpenAPI has it.
_File = Annotated[bytes, WithJsonSchema({"type": "string", "format": "binary"})]
_VERSION_SCHEMA = {"type": "string", "pattern": f"^({_LATEST}|[0-9]{{1,{_MAX_DIGITS - 1}}})$", "default": _LATEST}
_Version = Annotated[int | None, BeforeValidator(_version), WithJsonSchema(_VERSION_SCHEMA)]
_VERSION = "The number of a version; the newest one that is ready where it is left out"


class _Query(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Nothing(_Query):
    """No arguments."""


class Versioned(_Query):
    """Arguments of whatever is asked about a version."""

    version: _Version = Field(None, description=_VERSION)


def _count(given: object) -> object:
    """A number as it stands in a query."""
    if not is_number(given, _MAX_DIGITS - 1):
        raise ValueError("write a number in digits")
    return int(given)


class _Paged(_Query):
    """Which part of a list is asked for."""

    limit: Annotated[int | None, BeforeValidator(_count)] = Field(
        None, ge=1, le=MAX_PAGE, description="Most entries; all where it is left out"
    )
    offset: Annotated[int, BeforeValidator(_count)] = Field(
        0, ge=0, lt=10 ** (_MAX_DIGITS - 1), description="Entries that are passed over before"
    )

    @property
    def part(self) -> Part:
        return Part(self.limit, self.offset)


class ListedRecognizers(_Paged):
    """Arguments of the list of recognizers."""

    name: str | None = Field(None, min_length=1, description="Those whose name has this in it")
    state: Literal[*BuildState] | None = Field(None, description="Those whose latest version is in this state")  # type: ignore[valid-type]


class ListedImages(Versioned, _Paged):
    """Arguments of the list of files."""

    label: str | None = Field(None, min_length=1, description="Those sent for this person")
    state: Literal[*FileState] | None = Field(None, description="Those that wait, are encoded, or are refused")  # type: ignore[valid-type]
    reason: Literal[*Reason] | None = Field(None, description="Those not used for this reason")  # type: ignore[valid-type]


class ListedPeople(Versioned, _Paged):
    """Arguments of the list of people."""

    label: str | None = Field(None, min_length=1, description="Those whose label has this in it, in either case")


class OfPerson(_Query):
    """Arguments of what is done to a person whose label stands in no address."""

    label: str = Field(min_length=1, description="The person's label, as it is listed")


class OfRecognizer(Versioned):
    """Arguments of the short routes."""

    id: Annotated[str, BeforeValidator(_recognizer), WithJsonSchema({"type": "string", "minLength": 1})]

    @model_validator(mode="before")
    @classmethod
    def _even_where_it_is_left_out(cls, given: dict[str, Any]) -> dict[str, Any]:
        return {"id": ""} | given


class OfNewest(Versioned):
    """Arguments of ``/is_available``."""

    id: str | None = Field(None, description="The newest build of all where it is left out")


class _Download(_Query):
    format: Literal[*FORMATS] = next(iter(FORMATS))  # type: ignore[valid-type]


class _Report(_Query):
    format: Literal[*REPORTS] = next(iter(REPORTS))  # type: ignore[valid-type]
    lang: Language = Field(None, description="The page's language: without it, the one that the browser prefers")


class Download(Versioned, _Download):
    """Arguments of a resource's model."""


class DownloadOf(OfRecognizer, _Download):
    """Arguments of ``/download_recognizer``."""


class Report(Versioned, _Report):
    """Arguments of a resource's report."""


class ReportOf(OfRecognizer, _Report):
    """Arguments of ``/report``."""


class _Draw(_Query):
    draw: Annotated[Literal[0, 1], BeforeValidator(lambda given: {"0": 0, "1": 1}.get(given, given))] = Field(
        0, description="1 answers with the one photo, faces and names drawn into it"
    )


class Recognize(Versioned, _Draw):
    """Arguments of a resource's recognition."""


class RecognizeWith(OfRecognizer, _Draw):
    """Arguments of ``/recognize``."""


class Compared(_Query):
    """Arguments of a comparison."""

    before: _Version = Field(None, alias="from")
    after: _Version = Field(None, alias="to")


class Keyed(BaseModel):
    """The headers of a request that makes something."""

    key: Annotated[str | None, WithJsonSchema({"type": "string", "pattern": f"^({PATTERN})$"})] = Field(
        None,
        alias=HEADER,
        description="Any text of visible ASCII characters, bare or quoted. A request that is sent again with the same "
        "key within two days makes nothing, and has the answer of the first, with the header `Idempotent-Replayed`; "
        "another request with that key is refused with 422",
    )


class Traced(BaseModel):
    """The headers of a request that one may want to find in the log."""

    request_id: str | None = Field(
        None,
        alias=request_ids.HEADER,
        description="The request's id in the log, its answer and its problem: 64 letters, digits, dots, underscores "
        "and hyphens at the most; made where it is left out, or is something else",
    )


class _Pictures(BaseModel):
    images: list[_File] = Field(
        [], description="Pictures, videos, archives (.zip, .tar.gz) of them; repeated; left out with `upload` alone"
    )
    upload: list[str] = Field([], description="Ids of uploads that came in pieces, in place of files; repeated")
    labels: list[str] = Field([], description="Who is on each file, in order")
    manifest: _File | None = Field(None, description="CSV or JSON: file, person and, if you like, box")


class BuildParts(_Pictures, BuildForm):
    """The parts of a build's form."""


class GrowParts(_Pictures, LabelForm):
    """The parts of a form that adds pictures."""


class UploadParts(BaseModel):
    """The headers that begin an upload in pieces."""

    length: int = Field(alias="Upload-Length", ge=1, description="Bytes of the whole file")
    metadata: str | None = Field(
        None, alias="Upload-Metadata", description="`filename` and, in base64, what the file is called"
    )


class PieceParts(BaseModel):
    """The headers of a piece."""

    offset: int = Field(alias="Upload-Offset", ge=0, description="Where in the file the piece begins")


class TwoPhotos(BaseModel):
    """The parts of a verification's form."""

    model_config = ConfigDict(extra="forbid")

    image: list[_File] = Field(min_length=2, max_length=2, description="The two photos")


class TwoPhotosInJson(BaseModel):
    """The two photos of a verification in JSON, in place of a form."""

    model_config = ConfigDict(extra="forbid")

    image: list[Base64Photo] = Field(
        min_length=2, max_length=2, description="The two photos in base64, also as data URLs"
    )


class Photos(BaseModel):
    """The parts of a recognition's form."""

    model_config = ConfigDict(extra="forbid")

    image: list[_File] = Field(min_length=1, max_length=MAX_PHOTOS, description="Photos; repeated")
