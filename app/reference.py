"""The interface's description as a person reads it: every operation, what it takes and what it answers."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Taken:
    """Something that an operation takes: its name, where it stands, its type, and what it means."""

    name: str
    where: str
    type: str
    is_required: bool
    meaning: str


@dataclass(frozen=True)
class Operation:
    """An operation; ``answers`` are statuses with what they bring."""

    method: str
    path: str
    name: str
    summary: str
    takes: tuple[Taken, ...]
    answers: tuple[tuple[str, str], ...]


def operations(described: Mapping[str, Any]) -> dict[str, list[Operation]]:
    """The operations of a description by their first tag, in its order."""
    found: dict[str, list[Operation]] = {}
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            tag = next(iter(operation.get("tags", ())), "")
            found.setdefault(tag, []).append(_operation(method.upper(), path, operation, described))
    return found


def _operation(method: str, path: str, operation: Mapping[str, Any], described: Mapping[str, Any]) -> Operation:
    takes = (*_arguments(operation), *_parts(operation, described))
    answers = tuple((status, _brought(answer)) for status, answer in operation["responses"].items())
    return Operation(method, path, operation["operationId"], operation["summary"], takes, answers)


def _arguments(operation: Mapping[str, Any]) -> Iterator[Taken]:
    for parameter in operation.get("parameters", ()):
        meaning = parameter.get("description") or ""
        required = parameter.get("required", False)
        yield Taken(parameter["name"], parameter["in"], _type(parameter["schema"]), required, meaning)


def _parts(operation: Mapping[str, Any], described: Mapping[str, Any]) -> Iterator[Taken]:
    for media_type, content in operation.get("requestBody", {}).get("content", {}).items():
        schema = _resolved(content["schema"], described)
        where = "form" if media_type.startswith("multipart") else media_type
        for name, part in schema.get("properties", {}).items():
            required = name in schema.get("required", ())
            yield Taken(name, where, _type(part), required, part.get("description", ""))


def _resolved(schema: Mapping[str, Any], described: Mapping[str, Any]) -> Mapping[str, Any]:
    name = schema.get("$ref", "").rpartition("/")[2]
    return described["components"]["schemas"][name] if name else schema


def _type(schema: Mapping[str, Any]) -> str:
    """A type in a word or two."""
    if "$ref" in schema:
        return str(schema["$ref"].rpartition("/")[2])
    if "enum" in schema:
        return ", ".join(map(str, schema["enum"]))
    if "anyOf" in schema:
        return ", ".join(_type(one) for one in schema["anyOf"])
    if schema.get("type") == "array":
        return f"{_type(schema.get('items', {}))}, repeated"
    return "file" if schema.get("format") == "binary" else str(schema.get("type", "any"))


def _brought(answer: Mapping[str, Any]) -> str:
    """The schema of an answer, or else what its status is called."""
    for content in answer.get("content", {}).values():
        if "$ref" in content.get("schema", {}):
            return _type(content["schema"])
    return str(answer.get("description", ""))
