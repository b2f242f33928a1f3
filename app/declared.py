"""What a view says of itself: what it needs of whoever asks, and what it does."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from flask import current_app, request
from pydantic import BaseModel

#: What a view needs: nothing, any key that opens anything, or one with that scope.
Need = Literal["nothing", "key", "recognize", "encode", "build"]
#: What a view does to a recognizer, in the words of quotas and the audit; what hands out something of it among that.
Looking = Literal["erasures", "download", "report", "images", "people", "compare"]
Recognizing = Literal["recognize", "verify", "encode"]
Action = Literal["build", "grow", "retry", "rename", "forget", "delete"] | Recognizing | Looking


@dataclass(frozen=True)
class Declared:
    """``query`` is the model of its arguments; ``action`` is None for one that only shows how things stand."""

    needs: Need = "key"
    action: Action | None = None
    query: type[BaseModel] | None = None


def declare(
    needs: Need, action: Action | None = None, query: type[BaseModel] | None = None
) -> Callable[[Callable[..., Any]], Any]:
    """What a view of the page says of itself; one of the interface says it with ``openapi.describe``."""

    def declaring(view: Any) -> Any:
        view.declared = Declared(needs, action, query)
        return view

    return declaring


def declared() -> Declared | None:
    """What the view says of itself that the request at hand is for; None where there is none.

    One that says nothing is for any key, and for nobody without.
    """
    view = current_app.view_functions.get(request.endpoint or "")
    return None if view is None else getattr(view, "declared", Declared())
