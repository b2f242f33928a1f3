"""What a request may carry beside its path: checked as the interface's description says it."""

from typing import Annotated, Any, Literal, TypeVar

from flask import request
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, WithJsonSchema, model_validator

from app.idempotency_keys import HEADER, PATTERN
from app.uploads import MAX_PHOTOS, BuildForm, LabelForm
from constants.exceptions import InvalidRequest
from constants.validation import sentences
from modelization.bundle.download_formats import FORMATS, REPORTS

#: What names the newest version that is ready, and the digits that no number of a version reaches.
_LATEST, _MAX_DIGITS = "latest", 9

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


def _version(named: object) -> object:
    """The number of a version as it stands in a query; ``None`` for the latest one."""
    if named is None or named == _LATEST:
        return None
    if not (isinstance(named, str) and named.isascii() and named.isdigit() and len(named) < _MAX_DIGITS):
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


class _Pictures(BaseModel):
    images: list[_File] = Field(
        min_length=1, description="Pictures, videos, archives (.zip, .tar.gz) of them; repeated"
    )
    labels: list[str] = Field([], description="Who is on each file, in order")
    manifest: _File | None = Field(None, description="CSV or JSON: file, person and, if you like, box")


class BuildParts(_Pictures, BuildForm):
    """The parts of a build's form."""


class GrowParts(_Pictures, LabelForm):
    """The parts of a form that adds pictures."""


class Photos(BaseModel):
    """The parts of a recognition's form."""

    model_config = ConfigDict(extra="forbid")

    image: list[_File] = Field(min_length=1, max_length=MAX_PHOTOS, description="Photos; repeated")
