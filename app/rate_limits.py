"""Rates and quotas of whoever asks, decided before anything of a request's body is read."""

from functools import partial
from typing import get_args

from flask import Flask, g, request

from app.callers import caller
from app.declared import Recognizing, declared
from app.idempotency_keys import HEADER
from app.service import workplace
from constants.settings import Settings
from jobs.table.quotas import BUILDS, BYTES, RECOGNITIONS, Allowance


def register(app: Flask, settings: Settings) -> None:
    """Let the application do no more for anybody than the settings say."""
    app.before_request(partial(_count, settings))


def allowance(settings: Settings) -> Allowance:
    """How much whoever asks may use."""
    most = {
        BUILDS: settings.max_builds_per_day,
        RECOGNITIONS: settings.max_recognitions_per_minute,
        BYTES: settings.max_mb_per_day,
    }
    limited = tuple((quota, limit) for quota, limit in most.items() if limit)
    return Allowance(caller().name, caller().tenant, limited, settings.max_recognizers)


def _count(settings: Settings) -> None:
    """Raise ``QuotaExceeded`` for a request that would be too much, and count it otherwise.

    A build is counted where it is accepted, in that transaction; here it is only asked for. One that may have been
    accepted before is not: it may well be the last one that there was room for.
    """
    view = declared()
    if view is None or "caller" not in g:
        return
    allowed, database, sent = allowance(settings), workplace().database, request.content_length or 0
    if view.action in ("build", "grow") and HEADER not in request.headers:
        with database.read() as connection:
            allowed.check(connection, BUILDS)
            if view.action == "build":
                allowed.check_room(connection)
    recognitions = int(view.action in get_args(Recognizing))
    if allowed.most and (sent or recognitions):
        with database.write() as connection:
            allowed.use(connection, RECOGNITIONS, recognitions)
            allowed.use(connection, BYTES, sent)
