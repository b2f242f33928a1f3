"""Which web pages may use the service: those of its own hosts, and of origins that the settings name.

A browser sends requests for whatever page is open in it, also to an address that only this machine can reach. It says
honestly for whom, which is asked here; what is no browser, such as curl, says nothing of the kind and is let in.
"""

import re
from functools import partial

from flask import Flask, Response, request

from app.proxies import asked_hosts
from constants.addresses import canonical, is_address, is_any, is_loopback
from constants.exceptions import Forbidden
from constants.settings import Settings

#: What every answer says to a browser, unless its view says it otherwise: it is no page, nothing may frame or embed it,
#: and nothing of it is kept.
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
}
#: Methods that change nothing.
_SAFE = ("GET", "HEAD", "OPTIONS")
#: What pages of a named origin may send and read beside what browsers let everyone.
_MAY_SEND = (
    "Authorization, Content-Type, Idempotency-Key, Last-Event-ID, Tus-Resumable, Upload-Length, Upload-Metadata, "
    "Upload-Offset, X-API-Key, X-Request-ID"
)
_MAY_READ = (
    "Content-Disposition, Content-Length, Location, Retry-After, Tus-Extension, Tus-Max-Size, Tus-Resumable, "
    "Tus-Version, Upload-Expires, Upload-Length, Upload-Offset, X-Request-ID"
)
#: Seconds that a browser need not ask again whether a page may.
_MAY_FOR_S = 600

#: A host as a browser writes it into ``Host``: a name or an address, and a port.
_HOST = re.compile(r"([^\s/?#@:\[\]]+|\[[0-9a-f:.]+\])(?::\d{1,5})?", re.IGNORECASE)


def register(app: Flask, settings: Settings) -> None:
    """Let the application answer nobody else, and say to browsers what they may do with its answers."""
    app.before_request(partial(_refuse, settings))
    app.after_request(partial(_protect, settings))


def _refuse(settings: Settings) -> None:
    """Raise ``Forbidden`` for a request of a page that has no business here."""
    if any(host is not None and not _is_known(host, settings) for host in asked_hosts()):
        raise Forbidden(
            "This service does not go by the name in the header 'Host'; ask it by an address of its own, such as "
            "127.0.0.1, or name this one in FACIAL_HOSTS."
        )
    if _is_foreign(request.environ.get("HTTP_HOST")) and not _may_use(settings) and not _follows_link():
        raise Forbidden(
            "Web pages of other origins may not use this service; where this one should, name its origin in "
            "FACIAL_CORS_ORIGINS."
        )


def _is_known(host: str, settings: Settings) -> bool:
    """Whether the service goes by a host.

    Whoever makes a name of another's point at this machine (DNS rebinding) does not choose what it is called here. The
    port says nothing: another one may lead here. Nobody can make an address point elsewhere, so that all are known
    where the service listens on every address of the machine.
    """
    written = _HOST.fullmatch(host)
    if written is None:
        return False
    if is_loopback(written[1]) or (is_any(settings.host) and is_address(written[1])):
        return True
    name = canonical(written[1])
    return name == canonical(settings.host) or any(_goes_by(name, known) for known in settings.hosts)


def _goes_by(name: str, known: str) -> bool:
    """Whether a name is the one known or, where that begins with a dot, ends so."""
    return f".{name}".endswith(known) if known.startswith(".") else name == known


def _is_foreign(host: str | None) -> bool:
    """Whether a browser asks for a page of another origin.

    By ``Sec-Fetch-Site``, which every browser of today sends to this machine; another port of it is ``same-site``, and
    foreign. Where it is missing, ``Origin`` decides, which older browsers send with all that changes something. This
    is the order of Go's ``http.CrossOriginProtection``.
    """
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site not in ("same-origin", "none")
    origin = request.headers.get("Origin")
    return request.method not in _SAFE and origin is not None and origin.partition("://")[2] != host


def _may_use(settings: Settings) -> bool:
    return request.headers.get("Origin") in settings.cors_origins


def _follows_link() -> bool:
    """Whether a person followed a link here: the page with the link sees nothing of the answer."""
    headers = request.headers
    navigates = (headers.get("Sec-Fetch-Mode"), headers.get("Sec-Fetch-Dest")) == ("navigate", "document")
    return navigates and request.method in ("GET", "HEAD")


def _protect(settings: Settings, response: Response) -> Response:
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    if settings.cors_origins:
        response.vary.add("Origin")
    if _may_use(settings):
        response.headers["Access-Control-Allow-Origin"] = request.headers["Origin"]
        response.headers["Access-Control-Expose-Headers"] = _MAY_READ
        if request.method == "OPTIONS":  # asked before the request itself is sent
            response.headers["Access-Control-Allow-Methods"] = ", ".join(sorted(response.allow))
            response.headers["Access-Control-Allow-Headers"] = _MAY_SEND
            response.headers["Access-Control-Max-Age"] = str(_MAY_FOR_S)
    return response
