"""What the mission's routes and the resources do alike."""

from collections.abc import Iterable, Mapping
from typing import Any

from flask import Response, current_app, g, request
from werkzeug.wsgi import FileWrapper

from app.schemas import Recognition
from app.uploads import build_request, more_pictures, photos
from constants.exceptions import ImageRejected, InvalidRequest
from jobs.processes.client import JobsClient
from jobs.table.builds import BuildStatus
from modelization.bundle.download_formats import FORMATS, REPORTS, Format, open_format

#: A body that is sent while it is read, the status and headers.
Streamed = tuple[Iterable[bytes], int, dict[str, str]]

#: What names the newest version that is ready, and the digits that no number of a version reaches.
LATEST, _MAX_DIGITS = "latest", 9
#: A report holds text that people sent: whatever it says, a browser runs and loads nothing.
_AS_A_PICTURE = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox",
    "X-Content-Type-Options": "nosniff",
}


def jobs() -> JobsClient:
    """The jobs of the application that serves the request."""
    client: JobsClient = current_app.extensions["jobs"]
    return client


def version(argument: str = "version") -> int | None:
    """The version that an argument of the request names; ``None`` for the latest one."""
    named = request.args.get(argument, LATEST)
    if named == LATEST:
        return None
    if not (named.isascii() and named.isdigit() and len(named) < _MAX_DIGITS):
        raise InvalidRequest(f"There is no version {named!r}; a version is a number from 1, or '{LATEST}'.")
    return int(named)


def build() -> BuildStatus:
    """Accept the build that the request asks for."""
    client = jobs()
    with build_request(current_app.extensions["settings"], client.storage.incoming) as (uploads, options):
        return client.submit(uploads, options)


def grow(recognizer_id: str) -> BuildStatus:
    """Accept the version with more pictures that the request asks for."""
    client = jobs()
    settings, incoming = current_app.extensions["settings"], client.storage.incoming
    with more_pictures(settings, incoming, lambda: client.ready(recognizer_id).people) as uploads:
        return client.grow(recognizer_id, uploads)


def download(recognizer_id: str) -> Streamed:
    """The finished recognizer in the form that the request names, as a file."""
    chosen = _chosen(FORMATS)
    file_name = f"recognizer-{recognizer_id[:8]}{chosen.suffix}"
    return _streamed(recognizer_id, chosen, {"Content-Disposition": f"attachment; filename={file_name}"})


def report(recognizer_id: str) -> Streamed:
    """The finished recognizer's report in the form that the request names, to be looked at."""
    return _streamed(recognizer_id, _chosen(REPORTS), _AS_A_PICTURE)


def _streamed(recognizer_id: str, form: Format, headers: Mapping[str, str]) -> Streamed:
    """One form of a dump, piece by piece: a web process never holds the whole of it."""
    file, size = open_format(jobs().dump(recognizer_id, version()), form)
    return FileWrapper(file), 200, {"Content-Type": form.media_type, "Content-Length": str(size), **headers}


def _chosen(forms: Mapping[str, Format]) -> Format:
    """The form that the request names, the first of all if none."""
    form = request.args.get("format", next(iter(forms)))
    if form not in forms:
        raise InvalidRequest(f"There is no format {form!r}; the formats are {', '.join(forms)}.")
    return forms[form]


def recognise(recognizer_id: str) -> dict[str, Any] | Response:
    """The faces in the request's photos, or with ``draw=1`` its one photo with the faces drawn into it.

    A request whose every photo is unusable is refused.
    """
    sent, draw = photos(), _switch("draw")
    if draw and len(sent) > 1:
        raise InvalidRequest("With draw=1 the answer is a picture: send one photo at a time.")
    answer = jobs().recognize(recognizer_id, version(), [data for _, data in sent], g.request_id, draw=draw)
    images = answer["images"]
    if all("reason" in image for image in images):
        raise ImageRejected(images[0]["reason"], images[0]["message"])
    if draw:
        return Response(answer["drawn"][0], mimetype="image/jpeg")
    answer["images"] = [{"file": name} | image for (name, _), image in zip(sent, images, strict=True)]
    return Recognition.model_validate(answer).model_dump(exclude_unset=True)


def _switch(argument: str) -> bool:
    """Whether an argument of the request, absent or 0 or 1, is on."""
    given = request.args.get(argument, "0")
    if given not in ("0", "1"):
        raise InvalidRequest(f"{argument} is 0 or 1, not {given!r}.")
    return given == "1"
