"""The description of the interface, made from the views and their schemas."""

import re
from collections.abc import Callable, Sequence
from copy import deepcopy
from typing import Any

from flask import current_app
from pydantic import BaseModel
from spectree import Response, SecurityScheme, SpecTree
from spectree.models import InType, SecureType, SecuritySchemeData

from app.declared import Action, Declared, Need
from app.proxies import prefix
from app.schemas import Problem
from constants.release import VERSION

#: The ways to send a key.
_SCHEMES = [
    SecurityScheme("bearer", SecuritySchemeData(SecureType.HTTP, scheme="bearer")),
    SecurityScheme("key", SecuritySchemeData(SecureType.API_KEY, name="X-API-Key", field_in=InType.HEADER)),
]

_spec = SpecTree(
    "flask",
    title="api-facial-recognition",
    description="Send pictures of people, get their face recognizer back.",
    version=VERSION,
    path="docs",
    mode="strict",
    # Pages that show the description load scripts from other hosts; the description itself suffices.
    page_templates={},
    security_schemes=_SCHEMES,
    security=[{scheme.name: []} for scheme in _SCHEMES],
    validation_error_status=400,
    # Names that stay the same whatever else changes: clients are made of them.
    naming_strategy=lambda model: model.__name__,
    nested_naming_strategy=lambda _, child: child,
)
#: A file's bytes.
_BYTES = {"type": "string", "format": "binary"}
#: A variable of a route, as Flask writes it.
_VARIABLE = re.compile(r"<(?:[^:<>]+:)?([^<>]+)>")


#: How a request is refused: about a recognizer that is not here, or no longer; with files; that changes something.
ABSENT, WITH_FILES, CHANGING = (404, 410, 421), (413, 415, 422, 503), (409, 503)
#: What problems are sent as: RFC 9457.
_PROBLEM = "application/problem+json"


def describe(
    needs: Need,
    action: Action | None = None,
    *,
    resp: Response | None = None,
    refused: Sequence[int] = (),
    refusal: type[BaseModel] = Problem,
    **takes: Any,
) -> Callable[[Any], Any]:
    """What a view ``needs`` of whoever asks, what it does, and its arguments; all else is for the description alone.

    ``refused`` are the statuses with which it refuses, beside those of every view; ``refusal`` is what it then says.
    What is wrong with a request, the view says itself, in a sentence. With ``body`` the request's is a file.
    """
    answers, body = resp or Response("HTTP_200"), takes.pop("body", None)
    always = (400, 403) if needs == "nothing" else (400, 401, 403, 429)
    for status in sorted({*always, *refused}):
        answers.add_model(status, refusal, replace=False)
    security: list[Any] | None = [] if needs == "nothing" else None

    def described(view: Any) -> Any:
        found: Any = _spec.validate(skip_validation=True, resp=answers, security=security, **takes)(view)
        found.declared = Declared(needs, action, takes.get("query"))
        found.body = body
        return found

    return described


def description(with_keys: bool) -> dict[str, Any]:
    """The description of the application that serves the request, which needs keys or does not."""
    _spec.app = current_app
    made: dict[str, Any] = deepcopy(_spec.spec)
    endpoints = _endpoints()
    for path, operations in made["paths"].items():
        for method, operation in operations.items():
            endpoint = endpoints[path, method.upper()]
            operation["operationId"] = endpoint.rpartition(".")[2]
            if body := getattr(current_app.view_functions[endpoint], "body", None):
                operation["requestBody"] = {"required": True, "content": {body: {"schema": _BYTES}}}
            for answer in operation["responses"].values():
                _say_how_it_is_sent(answer)
            for parameter in operation.get("parameters", ()):
                _leave_null_out(parameter["schema"])
    for schema in made["components"]["schemas"].values():
        if any(_is_file(part) for part in schema.get("properties", {}).values()):
            for part in schema["properties"].values():
                _leave_null_out(part)
    _leave_null_defaults_out(made)
    made["servers"] = [{"url": prefix() or "/"}]
    return made if with_keys else made | {"security": []}


def _endpoints() -> dict[tuple[str, str], str]:
    """What answers each path and method, whose name is the operation's in clients that are made from this."""
    return {
        (_VARIABLE.sub(r"{\1}", rule.rule), method): rule.endpoint
        for rule in current_app.url_map.iter_rules()
        for method in rule.methods or ()
    }


def _leave_null_defaults_out(described: Any) -> None:
    """What may be missing from an answer is not there then, rather than null."""
    if isinstance(described, dict):
        if described.get("default", 0) is None:
            del described["default"]
        described = list(described.values())
    if isinstance(described, list):
        for part in described:
            _leave_null_defaults_out(part)


def _say_how_it_is_sent(answer: dict[str, Any]) -> None:
    """Correct the media type of a problem, which is described as any other JSON is."""
    content = answer.get("content", {})
    schema = content.get("application/json", {}).get("schema", {})
    if schema.get("$ref", "").rpartition("/")[2] == Problem.__name__:
        content[_PROBLEM] = content.pop("application/json")


def _is_file(schema: dict[str, Any]) -> bool:
    return bool(schema.get("items", schema).get("format") == "binary")


def _leave_null_out(schema: dict[str, Any]) -> None:
    """What is left out of a query, a header or a form is not there: none of them can say null."""
    some = [one for one in schema.get("anyOf", ()) if one != {"type": "null"}]
    if len(some) == 1:
        del schema["anyOf"]
        schema.update(some[0])
    if schema.get("default", 0) is None:
        del schema["default"]
