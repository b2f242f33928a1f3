"""Requests that name a key, so that a client that heard no answer can send them again."""

import re

from flask import Response, request

from app.callers import caller
from app.service import workplace
from constants.exceptions import InvalidRequest
from jobs.table.idempotency import KeyedRequest, refuse_repeated

HEADER = "Idempotency-Key"

#: A key: bare, as most clients send it, or a string as the draft has it, RFC 9651: quoted, two characters escaped.
_KEY = re.compile(r'"(?P<quoted>(?:[!#-\[\]-~]|\\["\\]){1,255})"|(?P<bare>[!#-~][!-~]{0,254})')
_ESCAPED = re.compile(r'\\(["\\])')


def keyed(kind: str, *asked: object) -> KeyedRequest | None:
    """The request at hand under its key; ``None`` for one without.

    ``kind`` is what it wants to make, and ``asked`` all that makes it differ from another request for that, as JSON.
    Raises ``InvalidRequest`` for what is no key, and as ``refuse_repeated`` does: it is asked here, before any work is
    done for a request that was only sent again, and once more in the transaction that accepts it.
    """
    header = request.headers.get(HEADER)
    if header is None:
        return None
    # By tenant: a key of another one must neither be met nor be told from a new one.
    found = KeyedRequest.of(kind, f"{caller().tenant} {_key(header)}", asked)
    with workplace().database.read() as connection:
        refuse_repeated(connection, found)
    return found


def mark_replayed(response: Response) -> Response:
    """Say in an answer that nothing was done for it."""
    response.headers["Idempotent-Replayed"] = "true"
    return response


def _key(header: str) -> str:
    found = _KEY.fullmatch(header.strip())
    if found is None:
        raise InvalidRequest(
            f"The header {HEADER} holds no key: send 1 to 255 visible ASCII characters, such as a new UUID."
        )
    return found["bare"] or _ESCAPED.sub(r"\1", found["quoted"])
