"""Requests that name a key, so that a client that heard no answer can send them again."""

import re

from flask import Response, request

from app.callers import caller
from app.service import workplace
from constants.exceptions import InvalidRequest
from jobs.table.idempotency import KeyedRequest, is_known, refuse_repeated

HEADER = "Idempotency-Key"

#: A key: bare, as most clients send it, or a string as the draft has it, RFC 9651: quoted, two characters escaped.
_QUOTED, _BARE = r'(?:[!#-\[\]-~]|\\["\\]){1,255}', "[!#-~][!-~]{0,254}"
#: Both as a regular expression, for the interface's description.
PATTERN = f'"{_QUOTED}"|{_BARE}'
_KEY = re.compile(f'"(?P<quoted>{_QUOTED})"|(?P<bare>{_BARE})')
_ESCAPED = re.compile(r'\\(["\\])')


def keyed(kind: str, *asked: object) -> KeyedRequest | None:
    """The request at hand under its key; ``None`` for one without.

    ``kind`` is what it wants to make, and ``asked`` all that makes it differ from another request for that, as JSON.
    Raises ``InvalidRequest`` for what is no key, and as ``refuse_repeated`` does: it is asked here, before any work is
    done for a request that was only sent again, and once more in the transaction that accepts it.
    """
    key = _key()
    if key is None:
        return None
    found = KeyedRequest.of(kind, key, asked)
    with workplace().database.read() as connection:
        refuse_repeated(connection, found)
    return found


def may_be_repeated(kind: str) -> bool:
    """Whether the request at hand names a key that is known, so that it is to be received whatever holds now."""
    key = _key()
    if key is None:
        return False
    with workplace().database.read() as connection:
        return is_known(connection, kind, key)


def mark_replayed(response: Response) -> Response:
    """Say in an answer that nothing was done for it."""
    response.headers["Idempotent-Replayed"] = "true"
    return response


def _key() -> str | None:
    header = request.headers.get(HEADER)
    if header is None:
        return None
    found = _KEY.fullmatch(header.strip())
    if found is None:
        raise InvalidRequest(
            f"The header {HEADER} holds no key: send 1 to 255 visible ASCII characters, such as a new UUID."
        )
    key = found["bare"] or _ESCAPED.sub(r"\1", found["quoted"])
    # By tenant: a key of another one must neither be met nor be told from a new one.
    return f"{caller().tenant} {key}"
