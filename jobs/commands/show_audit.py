"""Showing on the command line who did what to which recognizer."""

import json
from datetime import UTC, datetime

from constants.settings import load_settings
from jobs import audit_file
from jobs.commands.moments import days, moment


def show_audit(since: str | None, recognizer: str | None) -> None:
    """Print entries as lines of JSON, the oldest first; ``since`` is a date, or days ago such as ``7d``."""
    begin = None
    if since is not None:
        ago = days(since)
        begin = moment(since) if ago is None else datetime.now(UTC) - ago
    for entry in audit_file.entries(load_settings().data_dir, begin, recognizer):
        print(json.dumps(entry))
