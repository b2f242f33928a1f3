"""What the mission's routes and the resources do alike."""

from typing import Any

from flask import Response, current_app, g

from app.schemas import Recognition
from app.uploads import build_request, photos
from constants.exceptions import ImageRejected, InvalidRequest
from jobs.builds import BuildStatus
from jobs.client import JobsClient
from modelization.formats import FORMATS, read_format


def jobs() -> JobsClient:
    """The jobs of the application that serves the request."""
    client: JobsClient = current_app.extensions["jobs"]
    return client


def build() -> BuildStatus:
    """Accept the build that the request asks for."""
    client = jobs()
    with build_request(current_app.extensions["settings"], client.storage.incoming) as (uploads, options):
        return client.submit(uploads, options)


def download(recognizer_id: str, form: str) -> Response:
    """The finished recognizer in one of its forms, as a file."""
    if form not in FORMATS:
        raise InvalidRequest(f"There is no format {form!r}; the formats are {', '.join(FORMATS)}.")
    path = jobs().dump(recognizer_id)
    file_name = f"recognizer-{recognizer_id[:8]}{FORMATS[form].suffix}"
    return Response(
        read_format(path, form),
        mimetype=FORMATS[form].media_type,
        headers={"Content-Disposition": f"attachment; filename={file_name}"},
    )


def recognise(recognizer_id: str) -> dict[str, Any]:
    """The faces in the request's photos; a request whose every photo is unusable is refused."""
    sent = photos()
    answer = jobs().recognize(recognizer_id, [data for _, data in sent], g.request_id)
    images = answer["images"]
    if all("reason" in image for image in images):
        raise ImageRejected(images[0]["reason"], images[0]["message"])
    answer["images"] = [{"file": name} | image for (name, _), image in zip(sent, images, strict=True)]
    return Recognition.model_validate(answer).model_dump(exclude_unset=True)
