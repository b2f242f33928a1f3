"""What a multipart request brings: its files and its options."""

import hashlib
import re
import threading
from base64 import b64decode
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated, Literal, TypeVar

from flask import request
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from werkzeug.datastructures import CombinedMultiDict, MultiDict

from app.callers import caller
from app.idempotency_keys import keyed, may_be_repeated
from app.multipart import Form, Sink, read_form
from constants.exceptions import InvalidRequest, Overloaded
from constants.settings import Settings
from constants.validation import no_such, sentences
from jobs.intake.incoming import IncomingFile
from jobs.intake.intake import Intake, Labelling, label_in_order
from jobs.intake.label_manifest import MAX_MANIFEST_BYTES, read_manifest
from jobs.intake.pieced_uploads import PiecedUploads
from jobs.table import builds
from jobs.table.admission import refuse_full_disk, refuse_overload
from jobs.table.build_options import BuildOptions
from jobs.table.builds import Upload
from jobs.table.idempotency import KeyedRequest
from jobs.workplace import Workplace

#: Photos in one request for recognition, and bytes of the whole request: it is kept in memory.
MAX_PHOTOS, _MAX_PHOTOS_BYTES = 32, 64 << 20
#: Such requests that a web process has under way, and bytes of them: more would only wait, and fill the memory.
_MOST_REQUESTS, _MOST_BYTES = 64, 256 << 20
#: Parts of a build's form for each file that it may have, with a label of its own, and for its options.
_PARTS_FOR_ONE, _MORE_PARTS = 2, 100
#: The part that says which files show whom, and all parts that say so.
_MANIFEST = "manifest"
_WHO_IS_WHO = ("labels", _MANIFEST)
#: The parts that name uploads which came in pieces, in place of files.
_UPLOAD = "upload"
_NO_OPTIONS = (*_WHO_IS_WHO, _UPLOAD)

#: What stands before a photo in a data URL (RFC 2397).
_DATA_URL = re.compile(r"\Adata:[\w.+-]*/?[\w.+-]*;base64,")
#: A photo in base64, as OpenAPI 3.1 has it.
Base64Photo = Annotated[str, Field(min_length=1, json_schema_extra={"contentEncoding": "base64"})]

_Options = TypeVar("_Options", bound=BaseModel)
_Sink = TypeVar("_Sink", bound=Sink)


class PhotosInJson(BaseModel):
    """Photos in JSON, in place of a form."""

    model_config = ConfigDict(extra="forbid")

    image: Base64Photo | Annotated[list[Base64Photo], Field(min_length=1, max_length=MAX_PHOTOS)] = Field(
        description="A photo in base64, also as a data URL, or several"
    )


class LabelForm(BaseModel):
    """How the labels of pictures are read."""

    model_config = ConfigDict(extra="forbid")

    label_from: Literal["folder", "filename"] = Field("folder", description="Where a label is read from")


class BuildForm(LabelForm, BuildOptions):
    """The form of a build: its options, and how labels are read."""


@dataclass(frozen=True)
class _Received:
    """What has arrived of a form with pictures: these, labelled as they were sent, the manifest, and the fields."""

    pictures: Sequence[IncomingFile]
    manifest: bytes | None
    fields: MultiDict[str, str]
    in_pieces: Sequence[str] = ()

    def asked(self, options: BaseModel) -> Iterator[object]:
        """What the form asks for, as JSON, in whatever order and between whatever boundaries its parts were sent."""
        yield options.model_dump(mode="json")
        yield [[file.name, file.label, file.content_hash] for file in self.pictures]
        yield None if self.manifest is None else hashlib.sha256(self.manifest).hexdigest()

    def labelling(self, options: LabelForm, known: Sequence[str] = ()) -> Labelling:
        named = {} if self.manifest is None else read_manifest(self.manifest)
        return Labelling(options.label_from == "filename", named, known)

    def note_use(self, workplace: Workplace) -> None:
        """Say of the uploads that came in pieces that they were accepted."""
        for upload_id in self.in_pieces:
            PiecedUploads(workplace.storage.pieces).note_use(caller().tenant, upload_id)


def limits(settings: Settings) -> dict[str, int]:
    """The limit on a request's body, by the name that Flask gives it; some views have a lower one."""
    return {"MAX_CONTENT_LENGTH": settings.max_request_mb << 20}


@contextmanager
def build_request(workplace: Workplace) -> Iterator[tuple[list[Upload], BuildOptions, KeyedRequest | None]]:
    """The uploads, options and key of the request at hand; what nobody took is deleted at the end.

    Options may stand in the form and in the query. Raises ``InvalidRequest`` or a subclass of it for anything that
    is not as it should be, else as ``admission`` and ``keyed`` do.
    """
    _refuse_early(workplace, "build", BuildForm)
    with Intake(workplace.settings, workplace.storage.incoming) as intake:
        received = _received(intake, workplace)
        form = _options(BuildForm, received.fields)
        keyed_request = keyed("build", *received.asked(form))
        uploads = intake.take(received.pictures, received.labelling(form))
        options = BuildOptions(**form.model_dump(include=set(BuildOptions.model_fields)))
        ttl_s = options.ttl_s or workplace.settings.ttl_s or None
        yield uploads, options.model_copy(update={"ttl_s": ttl_s}), keyed_request
        received.note_use(workplace)


@contextmanager
def more_pictures(workplace: Workplace, recognizer_id: str) -> Iterator[tuple[list[Upload], KeyedRequest | None]]:
    """The uploads and key of the request at hand, for a recognizer that exists, and is ready once all has arrived.

    Raises as ``build_request`` and ``builds.ready`` do.
    """
    _refuse_early(workplace, "grow", LabelForm, recognizer_id)
    with Intake(workplace.settings, workplace.storage.incoming) as intake:
        received = _received(intake, workplace)
        form = _options(LabelForm, received.fields)
        keyed_request = keyed("grow", recognizer_id, *received.asked(form))
        known = builds.ready(workplace.database, recognizer_id).people
        yield intake.take(received.pictures, received.labelling(form, known)), keyed_request
        received.note_use(workplace)


def _refuse_early(workplace: Workplace, kind: str, form: type[BaseModel], recognizer_id: str | None = None) -> None:
    """Refuse what cannot be accepted before any of it is received; not what may only be sent again."""
    unknown = next((name for name in request.args if name not in {*form.model_fields, *_NO_OPTIONS}), None)
    if unknown is not None:
        raise InvalidRequest(no_such("option", unknown, {*form.model_fields, *_NO_OPTIONS}))
    if recognizer_id is not None:
        builds.status(workplace.database, recognizer_id)
    size, settings = request.content_length or 0, workplace.settings
    refuse_full_disk(settings.data_dir, size)
    if not may_be_repeated(kind):
        refuse_overload(workplace.database, settings.max_queued_builds)


def _received(intake: Intake, workplace: Workplace) -> _Received:
    """The form of the request at hand, its files, and the uploads that it names, in the intake."""
    has_body = bool(request.content_length)
    named = request.args.getlist(_UPLOAD)
    most = _PARTS_FOR_ONE * workplace.settings.max_files + _MORE_PARTS
    form = (
        Form[IncomingFile]()
        if named and not has_body
        else _form("images", intake.receive, most, beside=(_MANIFEST,), instead=_UPLOAD)
    )
    pictures = [file for part, file in form.files if part != _MANIFEST]
    label_in_order(pictures, form.fields.getlist("labels"))
    named += form.fields.getlist(_UPLOAD)
    pieces = PiecedUploads(workplace.storage.pieces)
    pictures += [intake.copy(*pieces.path(caller().tenant, upload_id)) for upload_id in named]
    return _Received(pictures, _manifest(form), form.fields, named)


def _manifest(form: Form[IncomingFile]) -> bytes | None:
    """The part ``manifest``, which is a file or a text; no more of it than shows that it is too large."""
    files = [file for part, file in form.files if part == _MANIFEST]
    texts = form.fields.getlist(_MANIFEST)
    if len(files) + len(texts) > 1:
        raise InvalidRequest("Send one manifest.")
    if files:
        with files[0].path.open("rb") as file:
            return file.read(MAX_MANIFEST_BYTES + 1)
    return texts[0].encode() if texts else None


class Photo:
    """A photo on its way to be recognized: kept nowhere."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.content = bytearray()

    def write(self, data: bytes) -> int:
        self.content += data
        return len(data)

    def seal(self) -> None:
        pass


class _Room:
    """How many requests with photos a web process has under way, and how many bytes of them: both are bounded."""

    def __init__(self) -> None:
        self._requests, self._bytes = 0, 0
        self._lock = threading.Lock()

    @contextmanager
    def taken(self, size: int) -> Iterator[None]:
        """Within, a request of so many bytes has its room. Raises ``Overloaded`` where there is none."""
        with self._lock:
            if self._requests >= _MOST_REQUESTS or self._bytes + size > _MOST_BYTES:
                raise Overloaded("All workers are busy; send the photo again in a moment.", retry_after_s=2)
            self._requests += 1
            self._bytes += size
        try:
            yield
        finally:
            with self._lock:
                self._requests -= 1
                self._bytes -= size


_room = _Room()


@contextmanager
def photos_in_memory() -> Iterator[list[tuple[str, bytes]]]:
    """Names and bytes of the photos to recognize, as long as there is room for them.

    Raises as ``in_memory`` does, and ``InvalidRequest`` for none or too many.
    """
    with in_memory():
        yield _photos()


@contextmanager
def in_memory() -> Iterator[None]:
    """Within, the request at hand is received into memory. Raises ``Overloaded`` where there is no room for it."""
    request.max_content_length = min(_MAX_PHOTOS_BYTES, request.max_content_length or _MAX_PHOTOS_BYTES)
    is_chunked = request.content_length is None and "Transfer-Encoding" in request.headers
    size = _MAX_PHOTOS_BYTES if is_chunked else request.content_length or 0
    with _room.taken(min(size, _MAX_PHOTOS_BYTES)):
        yield


def photo_form(settings: Settings) -> Form[Photo]:
    """A form with photos and whatever fields, received into memory. Raises as ``read_form`` does.

    Older Node programs send it in chunks. Where bytes are counted, their number must be known before.
    """
    return read_form(Photo, MAX_PHOTOS + _MORE_PARTS, unsized=not settings.max_mb_per_day)


def _photos() -> list[tuple[str, bytes]]:
    if request.mimetype == "application/json":
        return _photos_in_json()
    form = _form("image", Photo, MAX_PHOTOS + _MORE_PARTS)
    if form.fields:
        raise InvalidRequest(f"There is no option {next(iter(form.fields))!r} here.")
    if len(form.files) > MAX_PHOTOS:
        raise InvalidRequest(f"There are {len(form.files)} photos; send at most {MAX_PHOTOS} at a time.")
    return [(photo.name, bytes(photo.content)) for _, photo in form.files]


def _photos_in_json() -> list[tuple[str, bytes]]:
    """Photos as base64 (RFC 4648), alone or as data URLs; they have no names but their numbers."""
    try:
        sent = PhotosInJson.model_validate(request.get_json(silent=True)).image
        texts = [sent] if isinstance(sent, str) else sent
        return [(str(number), b64decode(_DATA_URL.sub("", text), validate=True)) for number, text in enumerate(texts)]
    except (ValueError, RecursionError) as error:  # pydantic's and base64's own, and that of JSON in JSON in JSON
        raise InvalidRequest(
            f'Send JSON with photos in base64, {{"image": ["…"]}}, at most {MAX_PHOTOS} of them.'
        ) from error


def _form(
    part: str, begin: Callable[[str], _Sink], most_parts: int, beside: Sequence[str] = (), instead: str = ""
) -> Form[_Sink]:
    """The form of the request at hand; a file that is in neither ``part`` nor those ``beside`` it is refused.

    There must be one in ``part``, but where the field ``instead`` names something in its place.
    """
    if request.mimetype != "multipart/form-data":
        raise InvalidRequest(f"Send a form with files, for example: curl -F '{part}=@photo.jpg' …")
    form = read_form(begin, most_parts)
    misnamed = next((name for name, _ in form.files if name not in (part, *beside)), None)
    if misnamed is not None:
        raise InvalidRequest(f"The file part {misnamed!r} is not known here; call it '{part}'.")
    if all(name != part for name, _ in form.files) and instead not in {*form.fields, *request.args}:
        found = " The field is there, but as text: with curl write an @ before the file's name."
        raise InvalidRequest(
            f"There is no file part '{part}'; send at least one file as '{part}'."
            + (found if part in form.fields else "")
        )
    return form


def _options(form: type[_Options], sent: MultiDict[str, str]) -> _Options:
    """The options of the request at hand, in its form or its query."""
    fields = CombinedMultiDict([sent, request.args])
    options = {name: fields[name] for name in fields if name not in _NO_OPTIONS}
    twice = next((name for name in options if len(fields.getlist(name)) > 1), None)
    if twice is not None:
        raise InvalidRequest(f"The option {twice!r} is given more than once.")
    try:
        return form.model_validate(options)
    except ValidationError as error:
        raise InvalidRequest(sentences(error, "option", {*form.model_fields, *_NO_OPTIONS})) from error
