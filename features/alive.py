"""How work that may take minutes says that it is still at it."""

from collections.abc import Callable

#: Called again and again by such work, many times a second where that costs nothing; what it raises ends the work.
Alive = Callable[[], None]


def unheard() -> None:
    """Nobody waits for a sign of life."""
