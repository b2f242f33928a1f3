"""A part of a list: what was asked for of it, and how much there is in all."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

_Item = TypeVar("_Item")


@dataclass(frozen=True)
class Part:
    """How many of a list to give at most, all where it is ``None``, and how many to pass over before."""

    limit: int | None = None
    offset: int = 0

    def of(self, items: Sequence[_Item]) -> "Page[_Item]":
        """This part of what a list holds."""
        end = None if self.limit is None else self.offset + self.limit
        return Page(items[self.offset : end], len(items))


ALL = Part()


@dataclass(frozen=True)
class Page(Generic[_Item]):
    """Some of a list's items, in its order, and how many there are in ``total``."""

    items: Sequence[_Item]
    total: int
