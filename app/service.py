"""What the requests of a web process share: the workplace, and the way to the dispatcher."""

import threading

from flask import Flask, current_app

from constants.settings import Settings
from jobs.processes.broker import Broker
from jobs.workplace import Workplace

#: Seconds that a request waits for another process's write: a person is waiting for it, and can be told to come back.
_PATIENCE_S = 5.0


class Service:
    """A workplace that is opened at its first use, so that nothing is opened before a server forks, and a broker."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.broker = Broker(settings)
        self._lock = threading.Lock()
        self._opened: Workplace | None = None

    @property
    def workplace(self) -> Workplace:
        with self._lock:
            if self._opened is None:
                self.broker.open()
                self._opened = Workplace.of(self.settings, _PATIENCE_S)
            return self._opened

    def close(self) -> None:
        """Close what was opened."""
        self.broker.close()
        with self._lock:
            if self._opened is not None:
                self._opened.database.close()


def register(app: Flask, settings: Settings) -> None:
    """Give an application its service."""
    app.extensions["service"] = Service(settings)


def workplace() -> Workplace:
    """The workplace of the application that serves the request."""
    return _service().workplace


def broker() -> Broker:
    """The broker of the application that serves the request."""
    return _service().broker


def _service() -> Service:
    service: Service = current_app.extensions["service"]
    return service
