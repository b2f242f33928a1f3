"""The description of the interface, for people and for programs that make clients."""

from typing import Any

from flask import Blueprint

from app import access
from app.openapi import describe, description

blueprint = Blueprint("description", __name__, url_prefix="/docs")


@blueprint.get("/openapi.json")
@describe("key", tags=("docs",))
def show_description() -> dict[str, Any]:
    """What can be asked, as OpenAPI; keys are in it where they are needed."""
    return description(with_keys=access.needs_keys())
