"""The web side: requests in, answers out; all work is left to the jobs."""

from flask import Flask

from app import (
    access,
    audit,
    compreface,
    connection,
    corrections,
    deepstack,
    description,
    errors,
    events,
    guard,
    health,
    metrics,
    mission,
    pages,
    people,
    photos,
    pieces,
    proxies,
    rate_limits,
    recognizers,
    request_ids,
    request_times,
    service,
)
from app.uploads import limits
from constants.settings import Settings, load_settings
from logger import start_logging

_VIEWS = (mission, recognizers, pieces, events, people, corrections, health, metrics, description, photos, pages)


def create_app(settings: Settings | None = None) -> Flask:
    """The WSGI application. Nothing is opened and no process is started before the first request."""
    settings = settings or load_settings()
    start_logging(settings, "web")
    app = Flask("app", static_folder=None)
    app.config.update(limits(settings))
    app.json.ensure_ascii = False  # type: ignore[attr-defined]  # labels come in any script
    app.json.sort_keys = False  # type: ignore[attr-defined]
    service.register(app, settings)
    connection.register(app, settings)
    request_ids.register(app)
    proxies.register(app, settings)
    guard.register(app, settings)
    access.register(app)
    rate_limits.register(app, settings)
    audit.register(app)
    errors.register(app)
    for views in _VIEWS:
        app.register_blueprint(views.blueprint)
    for dialect in (compreface, deepstack):
        app.register_blueprint(dialect.blueprint)
    request_times.register(app)
    return app
