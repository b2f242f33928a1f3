"""Which folder of a file's name says who is on it: found from all the names that were sent together."""

import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import PurePosixPath

from jobs.intake.labels import clean_label, same_label

#: Folders that name no person: years and dates, what cameras make (DCF: 100CANON, 101APPLE), and what people call a
#: place for pictures.
_NOBODY = re.compile(
    r"(19|20)\d\d([-_. ]?\d\d?([-_. ]?\d\d?)?)?"
    r"|\d{3}[a-z_0-9]{5}|dcim|camera( roll)?|screenshots?|downloads?"
    r"|images?|imgs?|pictures?|pics?|photos?|fotos?|faces?|videos?|raw|crop(s|ped)?|aligned",
    re.IGNORECASE,
)
#: Parts of a data set, which people stand in; as the innermost folder Val is somebody.
_PART = re.compile(r"train(ing)?|val(id(ation)?)?|test(ing)?|dev|eval", re.IGNORECASE)

_Chain = tuple[str, ...]


def folder_labels(names: Sequence[str], known: Sequence[str] = ()) -> list[str | None]:
    """Of each file's name the folder that names the person; None for one without.

    ``people/Alice/1.jpg`` shows Alice, and so does ``people/Alice/2019/1.jpg``: a year stands for nobody. Of several
    folders the innermost does, unless most of those stand in several others, or beside pictures of several others:
    ``Alice/Rome/1.jpg`` and ``Ben/Rome/1.jpg`` show Alice and Ben. A person who is ``known`` is found in any place.
    """
    # Of each folder once: a request may have a hundred thousand files.
    folders = [name.rpartition("/")[0] for name in names]
    chains = {folder: _chain(folder) for folder in folders}
    named = {chain for chain in chains.values() if chain}
    level = max(map(len, named), default=0)
    while level > 1 and _is_within_people(named, level):
        level -= 1
    labels = {folder: clean_label(_named(chain, level, known)) if chain else None for folder, chain in chains.items()}
    return [labels[folder] for folder in folders]


def _chain(folder: str) -> _Chain:
    """The folders that may name somebody, the outermost first; the innermost alone where none does."""
    folders = PurePosixPath(folder).parts
    left = tuple(folder for folder in folders if not _NOBODY.fullmatch(folder))
    return (*(folder for folder in left[:-1] if not _PART.fullmatch(folder)), *left[-1:]) or folders[-1:]


def _is_within_people(chains: set[_Chain], level: int) -> bool:
    """Whether the folders at a level are parts of a person's pictures, such as albums, and no people."""
    parents: dict[str, set[_Chain]] = defaultdict(set)
    for chain in chains:
        if len(chain) >= level:
            parents[chain[level - 1]].add(chain[: level - 1])
    above = set().union(*parents.values())
    come_again = sum(len(within) > 1 for within in parents.values())
    # Pictures of one folder alone may be anything, such as a cover.
    have_pictures = len(above & chains) if len(above) > 1 else 0
    return 2 * come_again > len(parents) or 2 * have_pictures > len(above)


def _named(chain: _Chain, level: int, known: Sequence[str]) -> str:
    somebody = (folder for folder in reversed(chain) if any(same_label(folder, label) for label in known))
    return next(somebody, chain[min(level, len(chain)) - 1])
