#!/usr/bin/env python3
"""The WSGI entry ``run:create_app()``, and the command line of a checkout: ``python run.py``."""

import signal
import sys
from typing import TYPE_CHECKING

#: The Pythons that TensorFlow has wheels for, and the oldest that the code is written for.
if not (3, 11) <= sys.version_info < (3, 14):
    sys.exit(f"This needs Python 3.11, 3.12 or 3.13, and this is {sys.version.split()[0]}: make PYTHON=python3.13 …")

if TYPE_CHECKING:
    from flask import Flask


def create_app() -> "Flask":
    """The WSGI application; imported here, so that workers are free of it."""
    # Until it has its application a web process has the handlers of its master. Told to end, it would end all the
    # others instead, and the workers, and stay itself until uWSGI's patience ends, which goes by the clock on the wall.
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)

    from app import create_app
    from constants.exceptions import FacialError
    from constants.settings import load_settings
    from logger import log_uncaught, speak_alone

    try:
        app = create_app(load_settings())
    except FacialError as error:
        sys.exit(str(error))
    log_uncaught()
    speak_alone()
    return app


if __name__ == "__main__":
    from facial.command_line import main

    sys.exit(main())
