"""The web side: requests in, answers out; all work is left to the jobs."""

from flask import Flask

from app import (
    access,
    audit,
    connection,
    description,
    errors,
    events,
    guard,
    health,
    metrics,
    mission,
    people,
    rate_limits,
    recognizers,
    request_ids,
    request_times,
    service,
)
from app.uploads import limits
from constants.settings import Settings, load_settings
from logger import start_logging


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
    guard.register(app, settings)
    access.register(app)
    rate_limits.register(app, settings)
    audit.register(app)
    errors.register(app)
    for views in (mission, recognizers, events, people, health, metrics, description):
        app.register_blueprint(views.blueprint)
    request_times.register(app)
    return app
