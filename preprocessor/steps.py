"""How work says that its next step begins, to whoever limits what a step may take."""

from collections.abc import Callable

#: Called before each step: the next picture, the next frame of a video. Can be pickled; what it raises ends the work.
BeforeEach = Callable[[], None]


def unwatched() -> None:
    """Nobody limits the steps."""
