"""A form with files, read as it arrives and within bounds (RFC 7578); Werkzeug's decoder tells the parts."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from flask import request
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.sansio.multipart import Data, Epilogue, Event, Field, File, MultipartDecoder, NeedData

from constants.exceptions import InvalidRequest, RequestTooLarge

#: Bytes read at a time, and of the head of a part, which names it and its file.
_CHUNK, _MAX_HEAD = 1 << 16, 1 << 14
#: Bytes that the fields of a form besides its files may have in all, a label for each of many files included.
_MAX_FIELDS = 8 << 20


class Sink(Protocol):
    """Where a file's content goes."""

    def write(self, data: bytes, /) -> int:
        """Append."""
        ...

    def seal(self) -> None:
        """End the writing."""
        ...


_Sink = TypeVar("_Sink", bound=Sink)


@dataclass
class Form(Generic[_Sink]):
    """The fields of a form, and its files, each with the name of its part, in the order sent."""

    fields: MultiDict[str, str] = field(default_factory=MultiDict)
    files: list[tuple[str, _Sink]] = field(default_factory=list)


class _Dropped:
    """Where the content of a part without a file's name goes: a browser sends one for a file field left empty."""

    def write(self, data: bytes) -> int:
        return len(data)

    def seal(self) -> None:
        pass


class _Text(_Dropped):
    """The content of a field, in memory."""

    def __init__(self, name: str, fields: MultiDict[str, str]) -> None:
        self._name = name
        self._fields = fields
        self._content = bytearray()

    def write(self, data: bytes) -> int:
        self._content += data
        return len(data)

    def seal(self) -> None:
        self._fields.add(self._name, self._content.decode("utf-8", "replace"))


def read_form(begin: Callable[[str], _Sink], most_parts: int, unsized: bool = False) -> Form[_Sink]:
    """The form of the request at hand; ``begin`` is given the name of each file, and gives where its content goes.

    ``unsized`` takes one that is sent in chunks, without its length, as far as the limit on a request goes.
    Raises ``InvalidRequest`` for what is no form, ``RequestTooLarge`` for more than ``most_parts`` or for long fields.
    """
    if request.content_length is None and not unsized:
        raise InvalidRequest("Send the request with its length: leave the header 'Transfer-Encoding: chunked' out.")
    form: Form[_Sink] = Form()
    sink: _Sink | _Dropped = _Dropped()
    fields_left, is_file = _MAX_FIELDS, False
    for event in _events(most_parts):
        if isinstance(event, Field | File):
            if not event.name:
                raise InvalidRequest("A part of the form has no name; call pictures 'images' and a photo 'image'.")
            is_file = isinstance(event, File) and bool(event.filename)
            if isinstance(event, Field):
                sink = _Text(event.name, form.fields)
            elif event.filename:
                file = begin(event.filename)
                form.files.append((event.name, file))
                sink = file
            else:
                sink = _Dropped()
        elif isinstance(event, Data):
            if not is_file:
                fields_left -= len(event.data)
                if fields_left < 0:
                    raise RequestTooLarge(f"The form's fields have more than {_MAX_FIELDS >> 20} MiB besides files.")
            sink.write(event.data)
            if not event.more_data:
                sink.seal()
    return form


def _events(most_parts: int) -> Iterator[Event]:
    boundary = request.mimetype_params.get("boundary", "").encode("ascii", "replace")
    decoder = MultipartDecoder(boundary, _CHUNK + _MAX_HEAD, max_parts=most_parts)
    try:
        while True:
            data = request.stream.read(_CHUNK)
            decoder.receive_data(data or None)
            while not isinstance(event := decoder.next_event(), NeedData):
                if isinstance(event, Epilogue):
                    return
                yield event
    except RequestEntityTooLarge as error:
        if request.content_length and request.content_length > (request.max_content_length or 0) > 0:
            raise
        raise RequestTooLarge("The form has more parts, or longer names, than this service takes.") from error
    except (ValueError, UnicodeError) as error:
        raise InvalidRequest("The form cannot be read; send it as curl -F does (multipart/form-data).") from error
