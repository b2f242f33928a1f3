"""Reading a multipart request: its files and its options."""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import IO, Any, Literal, TypeVar

from flask import Request, request
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from werkzeug.datastructures import CombinedMultiDict, FileStorage

from app.idempotency import keyed
from constants.exceptions import InvalidRequest
from constants.settings import Settings
from constants.validation import sentences
from jobs.intake.incoming import IncomingFile
from jobs.intake.intake import Intake, Labelling, label_in_order
from jobs.intake.label_manifest import MAX_MANIFEST_BYTES, read_manifest
from jobs.intake.labels import clean_name
from jobs.table import builds
from jobs.table.build_options import BuildOptions
from jobs.table.builds import Upload
from jobs.table.idempotency import KeyedRequest
from jobs.workplace import Workplace

#: Bytes that the fields of a form besides its files may have, a label for each of many files included.
_MAX_FIELDS = 8 << 20
#: Photos in one request for recognition.
MAX_PHOTOS = 32
#: The part that says which files show whom, and all parts that say so; the others are options.
_MANIFEST = "manifest"
_WHO_IS_WHO = ("labels", _MANIFEST)

_Form = TypeVar("_Form", bound=BaseModel)


class UploadRequest(Request):
    """A request whose files go straight to an intake, once it has one."""

    intake: Intake | None = None

    def _get_file_stream(
        self,
        total_content_length: int | None,
        content_type: str | None,
        filename: str | None = None,
        content_length: int | None = None,
    ) -> IO[bytes]:
        if self.intake is not None and filename:
            # It has all that the parser and we use.
            return self.intake.receive(clean_name(filename))  # type: ignore[return-value]
        return super()._get_file_stream(total_content_length, content_type, filename, content_length)


class LabelForm(BaseModel):
    """How the labels of pictures are read."""

    model_config = ConfigDict(extra="forbid")

    label_from: Literal["folder", "filename"] = Field("folder", description="Where a label is read from")


class BuildForm(LabelForm, BuildOptions):
    """The form of a build: its options, and how labels are read."""


def limits(settings: Settings) -> dict[str, int]:
    """The limits on a request's body, by the names that Flask gives them."""
    return {
        "MAX_CONTENT_LENGTH": settings.max_request_mb << 20,
        "MAX_FORM_PARTS": 2 * settings.max_files + 100,
        "MAX_FORM_MEMORY_SIZE": _MAX_FIELDS,
    }


@contextmanager
def build_request(workplace: Workplace) -> Iterator[tuple[list[Upload], BuildOptions, KeyedRequest | None]]:
    """The uploads, options and key of the request at hand; what nobody took is deleted at the end.

    Options may stand in the form and in the query. Raises ``InvalidRequest`` or a subclass of it for anything that
    is not as it should be, else as ``keyed`` does.
    """
    with _intake(workplace) as intake:
        sent, manifest = _received(), _manifest()
        form = _form(BuildForm)
        keyed_request = keyed("build", *_asked(sent, manifest, form))
        uploads = intake.take(sent, _labelling(form, manifest))
        yield uploads, BuildOptions(**form.model_dump(include=set(BuildOptions.model_fields))), keyed_request


@contextmanager
def more_pictures(workplace: Workplace, recognizer_id: str) -> Iterator[tuple[list[Upload], KeyedRequest | None]]:
    """The uploads and key of the request at hand, for a recognizer that is ready.

    Whom it knows is asked once the request has been received, so that a client hears of what that raises. Raises as
    ``build_request`` and ``builds.ready`` do.
    """
    with _intake(workplace) as intake:
        sent, manifest = _received(), _manifest()
        form = _form(LabelForm)
        keyed_request = keyed("grow", recognizer_id, *_asked(sent, manifest, form))
        known = builds.ready(workplace.database, recognizer_id).people
        yield intake.take(sent, _labelling(form, manifest, known)), keyed_request


def _intake(workplace: Workplace) -> Intake:
    """Where the files of the request at hand go while they arrive."""
    here: UploadRequest = request  # type: ignore[assignment]  # the application's request_class
    here.intake = Intake(workplace.settings, workplace.storage.incoming)
    return here.intake


def _received() -> list[IncomingFile]:
    """The pictures of the request at hand, with the labels sent beside them."""
    files = [_incoming(file) for file in _files("images", beside=(_MANIFEST,))]
    label_in_order(files, request.form.getlist("labels"))
    return files


def _asked(sent: Sequence[IncomingFile], manifest: bytes | None, form: BaseModel) -> Iterator[object]:
    """What a form asks for, as JSON, in whatever order and between whatever boundaries its parts were sent."""
    yield form.model_dump(mode="json")
    yield [[file.name, file.label, file.content_hash] for file in sent]
    yield None if manifest is None else hashlib.sha256(manifest).hexdigest()


def _labelling(form: LabelForm, manifest: bytes | None, known: Sequence[str] = ()) -> Labelling:
    named = {} if manifest is None else read_manifest(manifest)
    return Labelling(form.label_from == "filename", named, known)


def _manifest() -> bytes | None:
    """The part ``manifest``, which is a file or a text; no more of it than shows that it is too large."""
    files = [file for file in request.files.getlist(_MANIFEST) if file.filename]
    texts = request.form.getlist(_MANIFEST)
    if len(files) + len(texts) > 1:
        raise InvalidRequest("Send one manifest.")
    if files:
        with _incoming(files[0]).path.open("rb") as file:
            return file.read(MAX_MANIFEST_BYTES + 1)
    return texts[0].encode() if texts else None


def photos() -> list[tuple[str, bytes]]:
    """Names and bytes of the photos to recognize, kept in memory. Raises ``InvalidRequest`` for none or too many."""
    sent = _files("image")
    if request.form:
        raise InvalidRequest(f"There is no option {next(iter(request.form))!r} here.")
    if len(sent) > MAX_PHOTOS:
        raise InvalidRequest(f"There are {len(sent)} photos; send at most {MAX_PHOTOS} at a time.")
    return [(file.filename or "", file.read()) for file in sent]


def _files(part: str, beside: Sequence[str] = ()) -> list[FileStorage]:
    """The files of one part of the form; a file that is in neither that one nor those ``beside`` it is refused."""
    if request.mimetype != "multipart/form-data":
        raise InvalidRequest(f"Send a form with files, for example: curl -F '{part}=@photo.jpg' …")
    if request.content_length is None:
        raise InvalidRequest("Send the request with its length: leave the header 'Transfer-Encoding: chunked' out.")
    misnamed = next((name for name in request.files if name not in (part, *beside)), None)
    if misnamed is not None:
        raise InvalidRequest(f"The file part {misnamed!r} is not known here; call it '{part}'.")
    # A browser sends an empty, nameless part for a file field that was left empty.
    files = [file for file in request.files.getlist(part) if file.filename]
    if not files:
        found = " The field is there, but as text: with curl write an @ before the file's name."
        raise InvalidRequest(
            f"There is no file part '{part}'; send at least one file as '{part}'."
            + (found if part in request.form else "")
        )
    return files


def _incoming(file: FileStorage) -> IncomingFile:
    stream: Any = file.stream
    return stream  # type: ignore[no-any-return]  # made by UploadRequest


def _form(form: type[_Form]) -> _Form:
    """The options of the request at hand, in its form or its query."""
    fields = CombinedMultiDict([request.form, request.args])
    options = {name: fields[name] for name in fields if name not in _WHO_IS_WHO}
    twice = next((name for name in options if len(fields.getlist(name)) > 1), None)
    if twice is not None:
        raise InvalidRequest(f"The option {twice!r} is given more than once.")
    try:
        return form.model_validate(options)
    except ValidationError as error:
        raise InvalidRequest(sentences(error, "option", {*form.model_fields, *_WHO_IS_WHO})) from error
