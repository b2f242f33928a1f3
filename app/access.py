"""Who asks, and whether that may: keys and what they open.

Each view says in one word what it needs (``app/openapi.py``). On the loopback address nobody needs a key until the
first one is made.
"""

import time
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Literal

from flask import Flask, current_app, g, request
from sqlalchemy.exc import OperationalError

from app.service import workplace
from constants.addresses import is_loopback
from constants.exceptions import Forbidden, Unauthorized
from features.database import Database
from jobs.table import access_keys
from jobs.table.access_keys import AccessKey, Scope

#: What a view needs: nothing, any key that opens anything, or one with that scope.
Need = Literal["nothing", "key", "recognize", "build"]

#: Seconds in which a key's use is written down once.
_USE_S = 60.0
#: The header of a key for clients that keep ``Authorization`` for something else.
_HEADER = "X-API-Key"


@dataclass(frozen=True)
class Caller:
    """Who asks, by the name of the key, and what that may."""

    name: str
    scopes: frozenset[Scope]

    def may(self, scope: Scope) -> bool:
        """Whether the scope, or the one that holds all others, is the caller's."""
        return not self.scopes.isdisjoint({scope, Scope.ADMIN})


#: Whoever reaches a service that needs no keys.
_ANYBODY = Caller("local", frozenset(Scope))


class _Uses:
    """When the use of each key was written down last by this process."""

    def __init__(self) -> None:
        self._written: dict[int, float] = {}

    def note(self, database: Database, key: AccessKey) -> None:
        now = time.monotonic()
        if now - self._written.get(key.id, -_USE_S) >= _USE_S:
            self._written[key.id] = now
            with suppress(OperationalError):  # a full disk is no reason to answer nobody
                access_keys.note_use(database, key)


def register(app: Flask) -> None:
    """Let the application's views do nothing for whoever may not have it."""
    app.before_request(partial(_admit, _Uses()))


def needs_keys() -> bool:
    """Whether whoever asks must have a key."""
    here = workplace()
    return not is_loopback(here.settings.host) or access_keys.are_in_use(here.database)


def caller() -> Caller:
    """Who asks for the request at hand."""
    found: Caller = g.caller
    return found


def _admit(uses: _Uses) -> None:
    """Raise ``Unauthorized`` or ``Forbidden`` for a request that its view is not for; nothing of its body is read."""
    view = current_app.view_functions.get(request.endpoint or "")
    needs: Need = getattr(view, "needs", "key")
    if view is None or needs == "nothing" or request.method == "OPTIONS":
        return
    g.caller = _caller(uses)
    if needs != "key" and not g.caller.may(Scope(needs)):
        raise Forbidden(f"The key {g.caller.name!r} has not the scope {needs!r}, which this needs; ask with another.")


def _caller(uses: _Uses) -> Caller:
    if not needs_keys():
        return _ANYBODY
    database = workplace().database
    sent = _sent_key()
    if sent is None:
        raise Unauthorized("A key is needed here: send the header 'Authorization: Bearer KEY'.", given=False)
    found = access_keys.find(database, sent)
    if found is None:
        raise Unauthorized("This is no key, or one that expired or was revoked; ask the operator for one.", given=True)
    uses.note(database, found)
    return Caller(found.name, found.scopes)


def _sent_key() -> str | None:
    authorization = request.authorization
    if authorization is not None and authorization.type == "bearer":
        return authorization.token or ""
    return request.headers.get(_HEADER)
