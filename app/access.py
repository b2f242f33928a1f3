"""Who asks, and whether that may: keys and what they open.

Each view says in one word what it needs (``app/openapi.py``). On the loopback address nobody needs a key until the
first one is made.
"""

import time
from contextlib import suppress
from functools import partial

from flask import Flask, g, request
from pydantic import BaseModel
from sqlalchemy.exc import OperationalError

from app.callers import ANYBODY, Caller
from app.declared import declared
from app.parameters import arguments
from app.service import workplace
from constants.addresses import is_loopback
from constants.exceptions import Forbidden, Unauthorized
from features.database import Database
from jobs.table import access_keys, builds, nodes
from jobs.table.access_keys import AccessKey, Scope

#: Seconds in which a key's use is written down once.
_USE_S = 60.0
#: The header of a key for clients that keep ``Authorization`` for something else.
_HEADER = "X-API-Key"
#: The cookie of a browser in which somebody gave a key on the page: a token that stands for it.
SESSION = "facial_session"


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


def _admit(uses: _Uses) -> None:
    """Refuse a request that is not for whoever asks, before anything of its body is read.

    Raises ``Unauthorized`` without a key, ``Forbidden`` where it has not the scope, else as ``_refuse_others`` does.
    """
    view = declared()
    if view is None or view.needs == "nothing" or request.method == "OPTIONS":
        return
    g.caller = _caller(uses)
    if view.needs != "key" and not g.caller.may(Scope(view.needs)):
        raise Forbidden(f"The key {g.caller.name!r} has not the scope {view.needs!r}; this needs one that has.")
    _refuse_others(g.caller, view.query)


def _refuse_others(caller: Caller, query: type[BaseModel] | None) -> None:
    """Raise ``NotFound`` for recognizers of other tenants, as for those that never were, ``Elsewhere`` for other nodes.

    Neither the answer nor what is done for it differs. What is wrong with the arguments, as ``query`` has them, is said
    first.
    """
    asked = arguments(query) if query else None
    recognizer_id = (request.view_args or {}).get("recognizer_id") or getattr(asked, "id", None)
    if recognizer_id is not None:
        here = workplace()
        builds.require(here.database, recognizer_id, caller.tenant)
        nodes.require_within_reach(here.database, recognizer_id, here.home)


def _caller(uses: _Uses) -> Caller:
    if not needs_keys():
        return ANYBODY
    database = workplace().database
    sent, session = _sent_key(), request.cookies.get(SESSION)
    if sent is None and session is None:
        raise Unauthorized("A key is needed here: send the header 'Authorization: Bearer KEY'.", given=False)
    found = access_keys.find_session(database, session or "") if sent is None else access_keys.find(database, sent)
    if found is None:
        raise Unauthorized("This is no key, or one that expired or was revoked; ask the operator for one.", given=True)
    uses.note(database, found)
    return Caller(found.name, found.tenant, found.scopes)


def _sent_key() -> str | None:
    authorization = request.authorization
    if authorization is not None and authorization.type == "bearer":
        return authorization.token or ""
    named = request.headers.get(_HEADER)
    if named is None and authorization is not None and authorization.type == "basic":
        return authorization.password or ""  # of programs that can only be given an address: http://key:KEY@host
    return named
