"""What the mission's routes and the resources do alike."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial, wraps
from typing import Any, ParamSpec

from flask import Response, after_this_request, g

from app import audit
from app.callers import caller
from app.connection import client_is_there
from app.idempotency_keys import keyed, mark_replayed
from app.languages import language
from app.rate_limits import allowance
from app.schemas import AcceptedRecognizer, Recognition
from app.service import broker, workplace
from app.uploads import build_request, more_pictures, photos_in_memory
from constants.exceptions import AlreadyAccepted, ImageRejected, InvalidRequest, NotFound
from jobs.intake.label_note import label_note
from jobs.processes.broker import Recognized
from jobs.table import builds, contents
from jobs.table.admission import Admission
from jobs.table.builds import BuildStatus, Serving
from jobs.versions import growing, retrying
from modelization.bundle.download_formats import FORMATS, PAGE, Format, open_format, report_form
from modelization.bundle.recognizer_page import page_policy

#: A body that is sent while it is read, the status and headers.
Streamed = tuple[Iterable[bytes], int, dict[str, str]]

_Arguments = ParamSpec("_Arguments")


#: A report holds text that people sent: whatever it says, a browser runs and loads nothing.
_AS_A_PICTURE = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'; sandbox"
    ),
}


def status(recognizer_id: str | None, version: int | None) -> BuildStatus:
    """Where a build stands; without an id, the caller's newest one."""
    if recognizer_id is None:
        return builds.newest(workplace().database, caller().tenant, version)
    return builds.status(workplace().database, recognizer_id, version)


def _once(accept: Callable[_Arguments, tuple[str, int]]) -> Callable[_Arguments, BuildStatus]:
    """Where the recognizer and version stand that ``accept`` accepts, or did for an earlier request of the same key."""

    @wraps(accept)
    def accepted(*args: _Arguments.args, **kwargs: _Arguments.kwargs) -> BuildStatus:
        try:
            made = accept(*args, **kwargs)
        except AlreadyAccepted as before:
            after_this_request(mark_replayed)
            audit.note(before.recognizer_id, version=before.version)
            return status(before.recognizer_id, before.version)
        broker().wake()
        audit.note(made[0], version=made[1])
        return status(*made)

    return accepted


@_once
def build() -> tuple[str, int]:
    """Accept the build that the request asks for."""
    here = workplace()
    with build_request(here) as (uploads, options, keyed_request):
        admission = Admission(here.settings.max_queued_builds, keyed_request, allowance(here.settings), here.home)
        audit.note(files=len(uploads))
        return builds.submit(here.database, here.storage, uploads, options, admission), 1


@_once
def grow(recognizer_id: str) -> tuple[str, int]:
    """Accept the version with more pictures that the request asks for."""
    here = workplace()
    with more_pictures(here, recognizer_id) as (uploads, keyed_request):
        admission = Admission(here.settings.max_queued_builds, keyed_request, allowance(here.settings), here.home)
        audit.note(files=len(uploads))
        return recognizer_id, growing.grow(here.database, here.storage, recognizer_id, uploads, admission)


@_once
def retry(recognizer_id: str) -> tuple[str, int]:
    """Accept another try of what was given up of a recognizer."""
    here = workplace()
    return recognizer_id, retrying.retry(here.database, here.storage, recognizer_id, keyed("retry", recognizer_id))


def accepted(status: BuildStatus) -> dict[str, Any]:
    """The answer to whoever sent files: the version that is made of them, and where their labels were found."""
    sent = contents.sent_labels(workplace().database, status.id, status.version)
    return AcceptedRecognizer.with_labels(status, label_note(sent)).model_dump(mode="json")


def download(recognizer_id: str, version: int | None, name: str) -> Streamed:
    """A finished version in one of its forms, as a file."""
    if version is not None:
        audit.note(version=version)
    form = FORMATS[name]
    found = builds.ready(workplace().database, recognizer_id, version)
    file_name = f"recognizer-{recognizer_id[:8]}-v{found.version}{form.suffix}"
    return _streamed(found, form, {"Content-Disposition": f"attachment; filename={file_name}"})


def own_page(recognizer_id: str, version: int | None) -> Streamed:
    """A finished version as a page, to be looked at: it runs its own script, and asks for nothing."""
    found = builds.ready(workplace().database, recognizer_id, version)
    audit.note(version=found.version)
    return _streamed(found, PAGE, {"Content-Security-Policy": page_policy()})


def report(recognizer_id: str, version: int | None, name: str) -> Streamed:
    """A finished version's report in one of its forms, to be looked at, in the reader's language."""
    found = builds.ready(workplace().database, recognizer_id, version)
    return _streamed(found, report_form(name, language()), _AS_A_PICTURE | {"Vary": "Accept-Language, Cookie"})


def _streamed(found: BuildStatus, form: Format, headers: Mapping[str, str]) -> Streamed:
    """One form of a finished version's bundle, piece by piece: a web process never holds the whole of it."""
    pieces, size = open_format(builds.bundle_of(workplace().storage, found), form)
    return pieces, 200, {"Content-Type": form.media_type, "Content-Length": str(size), **headers}


def recognize(recognizer_id: str, version: int | None, draw: bool) -> dict[str, Any] | Response:
    """The faces in the request's photos, or to ``draw`` its one photo with the faces drawn into it.

    A request whose every photo is unusable is refused.
    """
    builds.serving(workplace().database, recognizer_id, version)  # asked first: no photo is received for nothing
    with photos_in_memory() as sent:
        if draw and len(sent) > 1:
            raise InvalidRequest("With draw=1 the answer is a picture: send one photo at a time.")
        serve = partial(builds.serving, workplace().database, recognizer_id, version)
        serving, found = recognized(serve, [data for _, data in sent], draw)
    faces = [face for image in found.images for face in image["faces"]]
    named = sum(face["person"] is not None for face in faces)
    audit.note(version=serving.version, photos=len(sent), faces=len(faces), named=named)
    images = by_file(sent, found.images)
    if draw:
        return Response(found.drawn[0], mimetype="image/jpeg")
    answer = {"id": serving.id, "version": serving.version, "images": images}
    return Recognition.model_validate(answer).model_dump(exclude_unset=True)


def by_file(sent: Sequence[tuple[str, bytes]], found: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """What was found in each photo, with its file's name. Raises ``ImageRejected`` where none can be used."""
    if all("reason" in image for image in found):
        raise ImageRejected(found[0]["reason"], found[0]["message"])
    return [{"file": name} | image for (name, _), image in zip(sent, found, strict=True)]


def recognized(serve: Callable[[], Serving], photos: Sequence[bytes], draw: bool = False) -> tuple[Serving, Recognized]:
    """What was found, and by what, which ``serve`` says.

    It is nothing that was deleted, or followed by a newer version, before the answer.
    """
    while True:
        serving = serve()
        try:
            found = broker().recognize(serving, photos, g.request_id, draw=draw, is_wanted=client_is_there)
        except NotFound:
            if serve() == serving:
                raise
        else:
            if serve() == serving:
                return serving, found
