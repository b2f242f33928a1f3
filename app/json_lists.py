"""Lists in JSON that may be long: written while they are read, so that no process holds the whole of one."""

import json
from collections.abc import Iterable, Iterator

from pydantic import BaseModel

from app.actions import Streamed

#: Items that are written at once.
_AT_ONCE = 100


def json_list(identity: str, name: str, items: Iterable[BaseModel], total: int) -> Streamed:
    """What belongs to the ``identity``, under its ``name``, as far as it is asked for, and how many are in all."""
    return _written(identity, name, items, total), 200, {"Content-Type": "application/json"}


def _written(identity: str, name: str, items: Iterable[BaseModel], total: int) -> Iterator[bytes]:
    text = [f'{{"id":{json.dumps(identity)},{json.dumps(name)}:[']
    for number, item in enumerate(items):
        text.append(("," if number else "") + item.model_dump_json())
        if len(text) > _AT_ONCE:
            yield "".join(text).encode()
            text.clear()
    yield ("".join(text) + f'],"total":{total}}}').encode()
