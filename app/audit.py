"""What is written down of requests: see jobs/audit_file.py."""

import re
from typing import Any

from flask import Flask, Response, g, request

from app.callers import caller
from app.declared import declared
from app.service import workplace
from jobs import audit_file
from jobs.audit_file import Entry
from logger import about, logger

#: The ids that recognizers have; what else stands in the place of one may be a name.
_ID = re.compile(r"[0-9a-f]{32}")


def register(app: Flask) -> None:
    """Write down what whoever asks does."""
    app.after_request(_record)


def note(recognizer_id: str | None = None, **numbers: int) -> None:
    """Say, within a view, which recognizer it made and numbers of what it did."""
    noted = _noted()
    noted["numbers"] |= numbers
    noted["recognizer"] = recognizer_id or noted["recognizer"]


def _noted() -> dict[str, Any]:
    if "noted" not in g:
        g.noted = {"recognizer": _asked(), "numbers": {}}
    noted: dict[str, Any] = g.noted
    return noted


def _asked() -> str | None:
    """The id of the recognizer that the request is about."""
    asked = (request.view_args or {}).get("recognizer_id") or request.args.get("id", "")
    return asked if _ID.fullmatch(asked) else None


def _record(response: Response) -> Response:
    view = declared()
    if "caller" in g and view is not None and view.action is not None:
        asked = {"who": caller().name, "tenant": caller().tenant, "action": view.action, "request": g.request_id}
        try:
            # Recognitions are many: they are not waited for until they are on the disk.
            synced = view.action != "recognize"
            entry = Entry(**asked, status=response.status_code, **_noted())
            audit_file.append(workplace().settings.data_dir, entry, synced=synced)
        except OSError as error:
            with about(g.request_id):
                logger.error("the audit could not be written: {}", error.strerror)
    return response
