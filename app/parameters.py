"""What a request may carry beside its path, for the interface's description; the views themselves say what is wrong."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field, WithJsonSchema

from app.actions import LATEST
from app.uploads import BuildForm, LabelForm
from modelization.bundle.download_formats import FORMATS, REPORTS

#: A file in a form, as OpenAPI has it.
_File = Annotated[bytes, WithJsonSchema({"type": "string", "format": "binary"})]
_VERSION = Field(LATEST, description="The number of a version; the newest one that is ready where it is left out")


class Versioned(BaseModel):
    """Arguments of whatever is asked about a version."""

    version: str = _VERSION


class OfRecognizer(Versioned):
    """Arguments of the short routes."""

    id: str


class OfNewest(Versioned):
    """Arguments of ``/is_available``."""

    id: str | None = Field(None, description="The newest build of all where it is left out")


class _Download(BaseModel):
    format: Literal[*FORMATS] = next(iter(FORMATS))  # type: ignore[valid-type]


class _Report(BaseModel):
    format: Literal[*REPORTS] = next(iter(REPORTS))  # type: ignore[valid-type]


class Download(Versioned, _Download):
    """Arguments of a resource's model."""


class DownloadOf(OfRecognizer, _Download):
    """Arguments of ``/download_recognizer``."""


class Report(Versioned, _Report):
    """Arguments of a resource's report."""


class ReportOf(OfRecognizer, _Report):
    """Arguments of ``/report``."""


class _Draw(BaseModel):
    draw: Literal[0, 1] = Field(0, description="1 answers with the one photo, faces and names drawn into it")


class Recognize(Versioned, _Draw):
    """Arguments of a resource's recognition."""


class RecognizeWith(OfRecognizer, _Draw):
    """Arguments of ``/recognize``."""


class Compared(BaseModel):
    """Arguments of a comparison."""

    before: str = Field(LATEST, alias="from")
    after: str = Field(LATEST, alias="to")


class _Pictures(BaseModel):
    images: list[_File] = Field(description="Pictures, videos, .zip or .tar.gz archives of them; repeated")
    labels: list[str] = Field([], description="Who is on each file, in order")
    manifest: _File | None = Field(None, description="CSV or JSON: file, person and, if you like, box")


class BuildParts(_Pictures, BuildForm):
    """The parts of a build's form."""


class GrowParts(_Pictures, LabelForm):
    """The parts of a form that adds pictures."""


class Photos(BaseModel):
    """The parts of a recognition's form."""

    image: list[_File] = Field(description="Photos, up to 32; repeated")
