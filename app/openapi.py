"""The description of the interface, made from the views and their schemas."""

from collections.abc import Callable
from typing import Any

from flask import current_app
from pydantic import BaseModel
from spectree import Response, SecurityScheme, SpecTree
from spectree.models import InType, SecureType, SecuritySchemeData

from app.declared import Action, Declared, Need
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
)


def describe(
    needs: Need,
    action: Action | None = None,
    *,
    query: type[BaseModel] | None = None,
    resp: Response | None = None,
    refusal: type[BaseModel] = Problem,
    **takes: Any,
) -> Callable[[Any], Any]:
    """What a view ``needs`` of whoever asks, what it does, and its arguments; all else is for the description alone.

    What is wrong with a request, the view says itself, in a sentence.
    """
    answers = resp or Response("HTTP_200")
    for status in (400, 403) if needs == "nothing" else (400, 401, 403, 429):
        answers.add_model(status, refusal, replace=False)
    security: list[Any] | None = [] if needs == "nothing" else None

    def described(view: Any) -> Any:
        found: Any = _spec.validate(skip_validation=True, resp=answers, security=security, query=query, **takes)(view)
        found.declared = Declared(needs, action, query)
        return found

    return described


def description(with_keys: bool) -> dict[str, Any]:
    """The description of the application that serves the request, which needs keys or does not."""
    _spec.app = current_app
    made: dict[str, Any] = _spec.spec
    return made if with_keys else made | {"security": []}
