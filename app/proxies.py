"""What proxies before the service say of a request: by which address, and beneath which path, it was asked for."""

import re

from flask import Flask, request
from werkzeug.middleware.proxy_fix import ProxyFix

from constants.exceptions import InvalidRequest
from constants.settings import Settings

#: A path as links begin with it; one that began with two slashes would lead to another host.
_PREFIX = re.compile(r"(/[A-Za-z0-9._~-]+)*/?")


def register(app: Flask, settings: Settings) -> None:
    """Believe the ``X-Forwarded-`` headers that as many proxies as are trusted have added, and no others.

    Each proxy adds one value to ``-For``, ``-Proto``, ``-Host`` and ``-Prefix``, at the end; what stands before these
    is whatever a client wrote. With none that is trusted the headers are not looked at.
    """
    trusted = settings.trusted_proxies
    if trusted:
        fixed = ProxyFix(app.wsgi_app, x_for=trusted, x_proto=trusted, x_host=trusted, x_prefix=trusted)
        app.wsgi_app = fixed  # type: ignore[method-assign]
        app.before_request(_refuse_prefix)


def asked_hosts() -> set[str | None]:
    """The hosts in the request: the one that a browser asked for and, behind a proxy, the one that this asked."""
    environ = request.environ
    before = environ.get("werkzeug.proxy_fix.orig", environ)
    return {environ.get("HTTP_HOST"), before.get("HTTP_HOST")}


def prefix() -> str:
    """The path under which the service is found: nothing, or such as ``/faces``."""
    return request.script_root


def _refuse_prefix() -> None:
    if not _PREFIX.fullmatch(request.environ.get("SCRIPT_NAME", "")):
        raise InvalidRequest("The header 'X-Forwarded-Prefix' is no path; the proxy should send one such as '/faces'.")
