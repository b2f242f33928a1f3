"""Requests that name a key of their own, so that sending one again does nothing twice.

As draft-ietf-httpapi-idempotency-key-header has it. Of a request two hashes are kept, what came of it, and when.
"""

import hashlib
import json
import time
from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, delete, insert, select, tuple_, update

from constants.exceptions import AlreadyAccepted, KeyReused
from features.database import Held, hold
from jobs.table.tables import builds, requests

#: Seconds for which a key is known: time enough for whoever finds in the morning what broke off in the evening.
_KEPT_S = 2 * 86_400.0


@dataclass(frozen=True)
class KeyedRequest:
    """A request that names a key: which one, and what it asks for."""

    key_hash: str
    fingerprint: str

    @classmethod
    def of(cls, kind: str, key: str, asked: object) -> "KeyedRequest":
        """A request for a ``kind`` of thing, each of which has keys of its own.

        ``asked`` is all, as JSON has it, that makes this request differ from another.
        """
        return cls(_hash([kind, key]), _hash(asked))


def is_known(connection: Connection, kind: str, key: str) -> bool:
    """Whether something came of a request with that key, whatever it asked for."""
    known = select(requests.c.key_hash).where(requests.c.key_hash == _hash([kind, key]), ~_too_old())
    return connection.scalar(known) is not None


def refuse_repeated(connection: Connection, request: KeyedRequest | None) -> None:
    """Raise ``AlreadyAccepted`` for a request whose key is known, or ``KeyReused`` where it asks for something else."""
    if request is None:
        return
    known = select(requests).where(requests.c.key_hash == request.key_hash, ~_too_old())
    row = connection.execute(known).first()
    if row is None:
        return
    if row.fingerprint not in (None, request.fingerprint):
        raise KeyReused(
            "This Idempotency-Key was sent with another request before; use a new key for each request, "
            "and the same one only to send the very same request again."
        )
    raise AlreadyAccepted(row.recognizer_id, row.version)


def accept_once(connection: Connection, request: KeyedRequest | None) -> None:
    """Raise as ``refuse_repeated``, and let nobody else accept the request until the caller's transaction ends.

    Asked in the transaction that accepts it, before anything else.
    """
    if request is not None:
        hold(connection, Held.REQUEST, request.key_hash)
        refuse_repeated(connection, request)


def remember(connection: Connection, request: KeyedRequest | None, recognizer_id: str, version: int) -> None:
    """Write down which version came of a request, in the transaction that accepts it, and forget keys of long ago."""
    if request is None:
        return
    # Whatever somebody else is just deleting needs no waiting for.
    old = select(requests.c.key_hash).where(_too_old()).with_for_update(skip_locked=True)
    connection.execute(delete(requests).where(requests.c.key_hash.in_(old)))
    connection.execute(
        insert(requests).values(
            key_hash=request.key_hash,
            fingerprint=request.fingerprint,
            recognizer_id=recognizer_id,
            version=version,
            created_at=time.time(),
        )
    )


def forget_what_was_asked(connection: Connection, numbers: Collection[int]) -> None:
    """Empty the fingerprints of the requests that builds came of, before those are erased.

    Their keys stay known: a request that is sent again must not build anew what was erased.
    """
    versions = select(builds.c.recognizer_id, builds.c.version).where(builds.c.number.in_(numbers))
    theirs = tuple_(requests.c.recognizer_id, requests.c.version).in_(versions)
    connection.execute(update(requests).where(theirs).values(fingerprint=None))


def _too_old() -> ColumnElement[bool]:
    return requests.c.created_at < time.time() - _KEPT_S


def _hash(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
