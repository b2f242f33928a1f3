"""The pages for people who do not write code: rendered here, made lively by the modules in ``static``."""

from datetime import UTC, datetime
from hashlib import sha256
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, g, redirect, render_template, request, send_file, send_from_directory, url_for

from app import access, actions
from app.callers import Caller, caller
from app.declared import declare
from app.errors import challenge, status_of
from app.languages import CHOICE, language, say, strings
from app.openapi import description
from app.parameters import Language, ListedPeople, Nothing, Versioned, arguments
from app.people import asked_for
from app.proxies import prefix
from app.reference import operations
from app.service import workplace
from constants.exceptions import FacialError, Unauthorized
from constants.languages import LANGUAGES
from constants.release import VERSION
from jobs.table import access_keys, builds, contents
from jobs.table.access_keys import Scope
from jobs.table.builds import BuildStatus
from jobs.table.contents import Arrival, SentImage, Wanted
from jobs.table.pages import Page, Part
from jobs.table.tables import OPEN_STATES, BuildState, FileState
from jobs.versions import comparing, erasures
from modelization.bundle.recognizer_page import can_make_pages

blueprint = Blueprint("pages", __name__, template_folder="templates")

_STATIC = Path(__file__).parent / "static"
#: Scripts, styles and pictures of the page's own origin alone; photos that the page itself shows are blobs.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; media-src blob:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
#: People whose cards a page has at first, and each further part of it: more take long to lay out.
_PEOPLE_AT_ONCE = 100
#: Newest versions of which the page says what they changed.
_MOST_COMPARED = 20
#: Files that look wrong, or were not used, that a page lists; the others are in the list of images.
_MOST_NOTICED = 1000
#: Seconds for which a browser remembers the language: a year.
_LANGUAGE_S = 365 * 86_400


class Shown(Nothing):
    """Arguments of a page."""

    lang: Language = None


class ShownVersion(Versioned):
    """Arguments of a page about a recognizer."""

    lang: Language = None


class ShownPeople(ListedPeople):
    """Arguments of a page about a recognizer's people, or a part of them."""

    lang: Language = None


@blueprint.get("/")
@declare("key", query=Shown)
def home() -> str:
    """What there is, and how to make a recognizer."""
    arguments(Shown)
    return render_template("home.html", recognizers=builds.listing(workplace().database, caller().tenant))


@blueprint.get("/recognizers/<recognizer_id>")
@declare("key", "people", query=ShownPeople)
def show_recognizer(recognizer_id: str) -> str:
    """How far a recognizer is or, once it is ready, whom it knows and what looks wrong."""
    status = _asked(recognizer_id, ShownPeople)
    if status.state in OPEN_STATES:
        return render_template("watch.html", status=status, arrivals=_arrivals(status))
    if status.state == BuildState.FAILED:
        return render_template("failed.html", status=status)
    return render_template(
        "look.html",
        **_people(status),
        doubtful=_noticed(status, Wanted(suspect=True)),
        rejected=_noticed(status, Wanted(state=FileState.REJECTED)),
        firsts=_noticed(status, Wanted(first_of_several=True)),
    )


def _noticed(status: BuildStatus, wanted: Wanted) -> Page[SentImage]:
    """The first of the files that a person may want to look at."""
    first = Part(_MOST_NOTICED)
    images, total = contents.listed_images(workplace().database, status.id, status.version, first, wanted)
    return Page(list(images), total)


@blueprint.get("/recognizers/<recognizer_id>/people")
@declare("key", "people", query=ShownPeople)
def show_people(recognizer_id: str) -> str:
    """The part of the page that has the cards of the people who are asked for."""
    status = _asked(recognizer_id, ShownPeople)
    return render_template("people.html", **_people(status))


def _people(status: BuildStatus) -> dict[str, Any]:
    """What the cards show of the people who are asked for, and what else about people stands beside them."""
    asked, here = arguments(ShownPeople), workplace()
    people = contents.people(here.database, status.id, status.version)
    shown = asked_for(asked.model_copy(update={"limit": asked.limit or _PEOPLE_AT_ONCE}), people)
    labels = [person.label for person in shown.items]
    end = asked.offset + len(shown.items)
    newest = max(version.version for version in status.versions)
    return {
        "status": status,
        "people": people,
        "shown": shown,
        "label": asked.label,
        "more": end if end < shown.total else None,
        "at_once": _PEOPLE_AT_ONCE,
        "faces_of": contents.learnt_faces(here.database, status.id, status.version, labels),
        "thumbnails": contents.thumbnails(here.database, here.storage, status.id, status.version),
        "may_correct": status.is_ready and status.version == newest and caller().may(Scope.BUILD),
    }


@blueprint.get("/recognizers/<recognizer_id>/faces/<int:number>/<int:face>")
@declare("key", "images", query=ShownVersion)
def show_face(recognizer_id: str, number: int, face: int) -> Response:
    """The thumbnail of a face, by the number of its file and its index there, where one is kept."""
    asked, here = arguments(ShownVersion).version, workplace()
    content = contents.thumbnail(here.database, here.storage, recognizer_id, asked, (number, face))
    return send_file(BytesIO(content), "image/jpeg", etag=sha256(content).hexdigest())


@blueprint.get("/recognizers/<recognizer_id>/arrivals")
@declare("key", "people", query=ShownVersion)
def show_arrivals(recognizer_id: str) -> str:
    """The part of the page that says whose pictures have been looked at so far."""
    return render_template("arrivals.html", arrivals=_arrivals(_asked(recognizer_id)))


@blueprint.get("/recognizers/<recognizer_id>/try")
@declare("key", "people", query=ShownVersion)
def try_recognizer(recognizer_id: str) -> str:
    """Names on a photo, or before the webcam."""
    return render_template("try.html", status=_asked(recognizer_id))


@blueprint.get("/recognizers/<recognizer_id>/take")
@declare("key", "people", query=ShownVersion)
def take_recognizer(recognizer_id: str) -> str:
    """The recognizer as files, its versions, and its end."""
    status = _asked(recognizer_id)
    ready = [version.version for version in status.versions if version.state == BuildState.READY]
    changes = {
        after: comparing.compare(workplace().database, status.id, before, after).people
        for before, after in list(pairwise(ready))[-_MOST_COMPARED:]
    }
    return render_template("take.html", status=status, changes=changes, can_make_pages=can_make_pages())


@blueprint.get("/recognizers/<recognizer_id>/page")
@declare("build", "download", query=ShownVersion)
def show_own_page(recognizer_id: str) -> actions.Streamed:
    """The recognizer as a page of its own, which looks at photos in the browser alone."""
    return actions.own_page(recognizer_id, arguments(ShownVersion).version)


def _asked(recognizer_id: str, model: type[Versioned] = ShownVersion) -> BuildStatus:
    return builds.status(workplace().database, recognizer_id, arguments(model).version)


def _arrivals(status: BuildStatus) -> list[Arrival]:
    return contents.arrivals(workplace().database, status.id, status.version)


@blueprint.get("/recognizers/<recognizer_id>/receipt")
@declare("key", "erasures", query=Shown)
def show_receipt(recognizer_id: str) -> str:
    """What was deleted of a recognizer, and whether anything may still be on the disk."""
    arguments(Shown)
    return render_template("receipt.html", erasures=erasures.of_recognizer(workplace().database, recognizer_id))


@blueprint.get("/docs")
@declare("key", query=Shown)
def show_reference() -> str:
    """What programs can ask, from the interface's own description."""
    arguments(Shown)
    return render_template("reference.html", operations=operations(description(access.needs_keys())))


@blueprint.post("/session")
@declare("nothing", query=Shown)
def begin_session() -> Any:
    """Let a browser in with the key in the form's ``key``; out again with none."""
    arguments(Shown)
    request.max_content_length = 1 << 14
    key = request.form.get("key", "").strip()
    token = access_keys.begin_session(workplace().database, key) if key else None
    if key and token is None:
        raise Unauthorized("This is no key, or one that expired or was revoked; ask the operator for one.", given=True)
    answer = redirect(url_for("pages.home"), 303)
    if token is None:
        answer.delete_cookie(access.SESSION, _root())
    else:
        is_secure = request.is_secure
        answer.set_cookie(access.SESSION, token, path=_root(), httponly=True, samesite="Lax", secure=is_secure)
    return answer


@blueprint.get("/static/<path:name>")
@declare("nothing")
def show_file(name: str) -> Response:
    """A file of the pages: the same for everyone, so that a browser may keep it, and asks whether it changed."""
    answer = send_from_directory(_STATIC, name)
    answer.headers["Cache-Control"] = "no-cache"
    return answer


@blueprint.app_template_filter("moment")
def _moment(seconds: float) -> str:
    """A time in seconds since 1970 for a ``time`` element, which a script then says in words."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


@blueprint.context_processor
def _words() -> dict[str, Any]:
    known: Caller | None = g.get("caller")
    return {
        "say": say,
        "prefix": prefix(),
        "language": language(),
        "languages": LANGUAGES,
        "strings": strings(),
        "release": VERSION,
        "may_build": known is not None and known.may(Scope.BUILD),
        "may_recognize": known is not None and known.may(Scope.RECOGNIZE),
        "has_session": access.SESSION in request.cookies,
    }


@blueprint.after_request
def _protect(response: Response) -> Response:
    response.headers.setdefault("Content-Security-Policy", _POLICY)
    response.headers["Permissions-Policy"] = "camera=(self), microphone=(), geolocation=()"
    response.vary.update(("Accept-Language", "Cookie"))
    chosen = request.args.get(CHOICE)
    if chosen in LANGUAGES:
        is_secure = request.is_secure
        response.set_cookie(CHOICE, chosen, _LANGUAGE_S, path=_root(), samesite="Lax", secure=is_secure)
    return response


def _root() -> str:
    """The path of cookies: other services behind the same proxy do not get them."""
    return f"{prefix()}/"


@blueprint.errorhandler(FacialError)
def _refuse(error: FacialError) -> Any:
    """A refusal as a page, which asks for the key where one is needed."""
    status = status_of(error)
    if status is None:
        raise error
    response = Response(render_template("refusal.html", error=error, needs_key=isinstance(error, Unauthorized)), status)
    if isinstance(error, Unauthorized):
        response.headers["WWW-Authenticate"] = challenge(error)
    return response
