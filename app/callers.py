"""Who asks for the request at hand."""

from dataclasses import dataclass

from flask import g

from jobs.table.access_keys import LOCAL, Scope
from jobs.table.tables import DEFAULT_TENANT


@dataclass(frozen=True)
class Caller:
    """Who asks, by the name of the key, whose recognizers that sees, and what that may do with them."""

    name: str
    tenant: str
    scopes: frozenset[Scope]

    def may(self, scope: Scope) -> bool:
        """Whether the scope, or the one that holds all others, is the caller's."""
        return not self.scopes.isdisjoint({scope, Scope.ADMIN})


#: Whoever reaches a service that needs no keys.
ANYBODY = Caller(LOCAL, DEFAULT_TENANT, frozenset(Scope))


def caller() -> Caller:
    """Who asks for the request at hand, as ``app/access.py`` found."""
    found: Caller = g.caller
    return found
