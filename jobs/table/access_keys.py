"""Keys by which clients of an exposed service are known: made, found, listed, revoked. A key itself is not kept.

A key is 256 random bits, so that its SHA-256 is kept and nothing slower: who has the hash can do no better than try
2^256 keys, and no dictionary helps. Slow hashes are for what people think up.
"""

import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, exists, func, insert, select, update

from constants.exceptions import Conflict, InvalidRequest, NotFound
from features.database import Database, Held, hold
from jobs.audit_file import SERVICE
from jobs.table.tables import DEFAULT_TENANT, access_keys, recognizers

#: Bytes of randomness in a key.
_RANDOM_BYTES = 32
#: What every key starts with, so that people and scanners for lost secrets see what it is.
_PREFIX = "facial_"
#: What a key may be called: it stands in logs and in the audit.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
#: Seconds that a session lasts: a working day.
SESSION_S = 12 * 3600
#: A session's token: the id of its key, when it ends, and a seal that only who knows the key's hash can make.
_SESSION = re.compile(r"(?P<id>[0-9]{1,9})\.(?P<until>[0-9]{1,12})\.(?P<seal>[0-9a-f]{64})")
#: What whoever needs no key is called, so that no key is.
LOCAL = "local"


class Scope(StrEnum):
    """What a key may do; each may look at what there is as well."""

    #: Name the people in photos.
    RECOGNIZE = "recognize"
    #: Have the encodings of faces in photos, by which they can be compared anywhere.
    ENCODE = "encode"
    #: Make recognizers, let them grow, rename and forget people, download and delete.
    BUILD = "build"
    #: All of this, and see figures of the whole service.
    ADMIN = "admin"


class KeyState(StrEnum):
    """Whether a key opens anything."""

    VALID = "valid"
    EXPIRED = "expired"
    REVOKED = "revoked"


@dataclass(frozen=True)
class AccessKey:
    """What is known of a key; times are seconds since 1970, and None for never."""

    id: int
    name: str
    tenant: str
    scopes: frozenset[Scope]
    created_at: float
    expires_at: float | None
    used_at: float | None
    revoked_at: float | None

    @property
    def state(self) -> KeyState:
        if self.revoked_at is not None:
            return KeyState.REVOKED
        return KeyState.EXPIRED if self.expires_at is not None and self.expires_at <= time.time() else KeyState.VALID


def create(
    database: Database,
    name: str,
    scopes: Collection[Scope],
    expires_at: float | None = None,
    tenant: str | None = None,
) -> str:
    """Make a key and give it: nobody can ever again.

    Without a ``tenant`` it is of one of its own, called as the key is. Raises ``Conflict`` where there is, or was, such
    a key or such a tenant already.
    """
    for written in (name, tenant):
        if written is not None and not _NAME.fullmatch(written):
            raise InvalidRequest(
                f"The name {written!r} cannot be taken; it has up to 64 letters, digits, dots, hyphens and underscores."
            )
    key = _PREFIX + secrets.token_urlsafe(_RANDOM_BYTES)
    values = {
        "name": name,
        "key_hash": _hash(key),
        "tenant": tenant or name,
        "scopes": sorted(scopes),
        "created_at": time.time(),
        "expires_at": expires_at,
    }
    with database.write() as connection:
        hold(connection, Held.TENANT, name, tenant or name)
        taken = select(access_keys.c.id).where(access_keys.c.name == name)
        if name in (LOCAL, SERVICE) or connection.scalar(taken) is not None:
            raise Conflict(f"There is, or was, a key called {name!r}; choose another name.")
        if tenant is None and _is_taken(connection, name):
            raise Conflict(f"There is a tenant {name!r} already; say --tenant {name} to share what it has.")
        connection.execute(insert(access_keys).values(values))
    return key


def find(database: Database, key: str) -> AccessKey | None:
    """The record of a key that was sent; None where it is none, or opens nothing any more."""
    sent = _hash(key)
    with database.read() as connection:
        row = connection.execute(select(access_keys).where(access_keys.c.key_hash == sent)).first()
    # The index has compared hashes already; how long that took says nothing about a key, and this says even less.
    if row is None or not hmac.compare_digest(row.key_hash, sent):
        return None
    found = _record(row)
    return found if found.state == KeyState.VALID else None


def begin_session(database: Database, key: str) -> str | None:
    """A token that stands for a key for ``SESSION_S`` seconds; None where that opens nothing.

    It is for a browser's cookie, which goes to whatever listens on another port of the same host: there the key itself
    must not be. Made from the key's hash, it ends with the key, and is kept nowhere.
    """
    found = find(database, key)
    if found is None:
        return None
    until = round(time.time() + SESSION_S)
    return f"{found.id}.{until}.{_sealed(_hash(key), until)}"


def find_session(database: Database, token: str) -> AccessKey | None:
    """The record of the key that a token stands for; None where it is none, or opens nothing any more."""
    written = _SESSION.fullmatch(token)
    if written is None or int(written["until"]) <= time.time():
        return None
    with database.read() as connection:
        row = connection.execute(select(access_keys).where(access_keys.c.id == int(written["id"]))).first()
    if row is None or not hmac.compare_digest(written["seal"], _sealed(row.key_hash, int(written["until"]))):
        return None
    found = _record(row)
    return found if found.state == KeyState.VALID else None


def are_in_use(database: Database) -> bool:
    """Whether any key was ever made: from then on one is needed, also when all of them are revoked."""
    with database.read() as connection:
        return bool(connection.scalar(select(exists(select(access_keys.c.id)))))


def note_use(database: Database, key: AccessKey) -> None:
    """Write down that a key was used now."""
    with database.write() as connection:
        connection.execute(update(access_keys).where(access_keys.c.id == key.id).values(used_at=time.time()))


def revoke(database: Database, name: str) -> None:
    """Let a key open nothing from now on. Raises ``NotFound`` for a name that no key has."""
    with database.write() as connection:
        revoked_at = func.coalesce(access_keys.c.revoked_at, time.time())
        named = update(access_keys).where(access_keys.c.name == name).values(revoked_at=revoked_at)
        if connection.execute(named).rowcount == 0:
            raise NotFound(f"There is no key called {name!r}; python run.py keys list shows all of them.")


def listing(database: Database) -> list[AccessKey]:
    """Every key that there ever was, the oldest first."""
    with database.read() as connection:
        return [_record(row) for row in connection.execute(select(access_keys).order_by(access_keys.c.id))]


def _is_taken(connection: Connection, tenant: str) -> bool:
    """Whether something is a tenant's, or could be."""
    keys = select(access_keys.c.id).where(access_keys.c.tenant == tenant)
    own = select(recognizers.c.id).where(recognizers.c.tenant == tenant)
    return tenant == DEFAULT_TENANT or any(connection.scalar(query.limit(1)) is not None for query in (keys, own))


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def _sealed(key_hash: str, until: int) -> str:
    return hmac.new(key_hash.encode(), f"session until {until}".encode(), hashlib.sha256).hexdigest()


def _record(row: Row[Any]) -> AccessKey:
    scopes = frozenset(map(Scope, row.scopes))
    return AccessKey(row.id, row.name, row.tenant, scopes, row.created_at, row.expires_at, row.used_at, row.revoked_at)
