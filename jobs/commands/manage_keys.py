"""Making, listing and revoking keys on the command line, beside the service or before its first start."""

import sys
from datetime import UTC, datetime

from constants.exceptions import InvalidRequest
from constants.settings import Settings
from constants.validation import no_such
from jobs import audit_file
from jobs.audit_file import OPERATOR, Entry
from jobs.commands.moments import days, moment
from jobs.table import access_keys
from jobs.table.access_keys import AccessKey, Scope
from jobs.workplace import opened_workplace

#: What stands above the columns of the list.
_COLUMNS = ("NAME", "TENANT", "STATE", "SCOPES", "CREATED", "EXPIRES", "LAST USED")


def create_key(settings: Settings, name: str, scope: str, expires: str | None, tenant: str | None) -> None:
    """Make a key of scopes, separated by commas, and print it. ``expires`` is a date, or days such as ``90d``.

    Without a ``tenant`` it sees only what it makes itself.
    """
    scopes, expires_at = _scopes(scope), _expiry(expires)
    with opened_workplace(settings) as workplace:
        key = access_keys.create(workplace.database, name, scopes, expires_at, tenant)
        audit_file.append(workplace.settings.data_dir, Entry(OPERATOR, "create_key", tenant or name, key=name))
    print("This key is shown once and kept nowhere:", file=sys.stderr)
    print(key)


def list_keys(settings: Settings) -> None:
    """Print what is known of every key, which is not the key."""
    with opened_workplace(settings) as workplace:
        rows = [_COLUMNS, *map(_columns, access_keys.listing(workplace.database))]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip())


def revoke_key(settings: Settings, name: str) -> None:
    """Let a key open nothing from now on."""
    with opened_workplace(settings) as workplace:
        access_keys.revoke(workplace.database, name)
        audit_file.append(workplace.settings.data_dir, Entry(OPERATOR, "revoke_key", key=name))
    print(f"{name} opens nothing from now on.")


def _scopes(written: str) -> list[Scope]:
    names = [name.strip() for name in written.split(",")]
    unknown = next((name for name in names if name not in set(Scope)), None)
    if unknown is not None:
        raise InvalidRequest(no_such("scope", unknown, map(str, Scope)))
    return [Scope(name) for name in names]


def _expiry(written: str | None) -> float | None:
    """When a key expires, in seconds since 1970."""
    if written is None:
        return None
    lasts, now = days(written), datetime.now(UTC)
    expires = moment(written) if lasts is None else now + lasts
    if expires <= now:
        raise InvalidRequest(f"{written} is past already; write a date to come, or days such as 90d.")
    return expires.timestamp()


def _columns(key: AccessKey) -> tuple[str, ...]:
    times = (_written(moment) for moment in (key.created_at, key.expires_at, key.used_at))
    return (key.name, key.tenant, key.state, ",".join(sorted(key.scopes)), *times)


def _written(moment: float | None) -> str:
    return "never" if moment is None else datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M")
