"""A web application with a workplace of its own, and people whose faces are made up."""

import hashlib
import io
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

import numpy as np
import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from app import create_app
from features import store
from features.store import FaceFeatures, ImageFeatures, Shelf
from jobs.table.tables import DEFAULT_TENANT, files
from jobs.work import runner
from jobs.workplace import Workplace
from preprocessor.version import pipeline_version
from test.conftest import jpeg


class BufferedClient(FlaskClient):
    """Reads answers to their end and closes them, as servers do, unless told to stream."""

    def open(self, *args: object, buffered: bool = True, **kwargs: object) -> TestResponse:
        return super().open(*args, buffered=buffered, **kwargs)


@pytest.fixture
def make_client(workplace):
    """Make a client of an application whose settings differ from the test's by what is given."""
    with ExitStack() as stack:

        def make(**changes: object) -> FlaskClient:
            app = create_app(workplace.settings.model_copy(update=changes))
            app.test_client_class = BufferedClient
            stack.callback(app.extensions["service"].close)
            return app.test_client()

        yield make


@pytest.fixture
def client(make_client) -> FlaskClient:
    return make_client()


@dataclass
class MadeUpPeople:
    """Pictures whose encodings are already in the store, so that a build needs no detector."""

    workplace: Workplace
    seed: int = 0
    tenant: str = DEFAULT_TENANT

    def __post_init__(self) -> None:
        self._rng = np.random.default_rng(self.seed)
        self._centres: dict[str, np.ndarray] = {}

    def picture(self, *people: str) -> bytes:
        """Another picture of a person, of several side by side, or of nobody."""
        pixels = self._rng.integers(0, 256, (40, 40 * max(len(people), 1), 3), dtype=np.uint8)
        content = jpeg(pixels)
        faces = tuple(self._face(person, 40.0 * place) for place, person in enumerate(people))
        shelf = Shelf(self.tenant, pipeline_version(self.workplace.settings))
        image = ImageFeatures(40 * len(people), 40, faces)
        with self.workplace.database.write() as connection:
            store.put(connection, shelf, {hashlib.sha256(content).hexdigest(): image})
        return content

    def _face(self, person: str, left: float) -> FaceFeatures:
        centre = self._centres.setdefault(person, self._rng.normal(size=128) * 0.11)
        encoding = (centre + self._rng.normal(size=128) * 0.02).astype(np.float32)
        return FaceFeatures((left + 5, 5.0, left + 35, 35.0), 1.0, np.zeros((5, 2), np.float32), encoding)

    def files(self, people: int = 3, each: int = 4, folders: bool = True) -> list[tuple[io.BytesIO, str]]:
        """Files as the test client sends them."""
        return [
            (io.BytesIO(self.picture(f"Person {p}")), f"Person {p}/{i}.jpg" if folders else f"{p}-{i}.jpg")
            for p in range(people)
            for i in range(each)
        ]


@pytest.fixture
def people(workplace) -> MadeUpPeople:
    return MadeUpPeople(workplace)


@pytest.fixture
def finish(workplace):
    """Let every build end."""
    return lambda: runner.run_all(workplace)


@pytest.fixture
def pictures(people) -> list[tuple[str, bytes]]:
    """Names and contents of two pictures of each of two people."""
    return [(f"{name}/{i}.jpg", people.picture(name)) for name in ("Ada-Lovelace", "Ben") for i in range(2)]


def form(pictures: list[tuple[str, bytes]], **fields: object) -> dict[str, object]:
    """A form as the test client sends it, each time with another boundary."""
    return fields | {"images": [(io.BytesIO(content), name) for name, content in pictures]}


@pytest.fixture
def impatient(monkeypatch, make_client) -> FlaskClient:
    """A client of an application that does not wait long for the database."""
    monkeypatch.setattr("app.service._PATIENCE_S", 0.1)
    return make_client()


@pytest.fixture
def accepted(client, pictures) -> str:
    """A recognizer that is being built."""
    return client.post("/v1/recognizers", data=form(pictures)).json["id"]


@pytest.fixture
def everything(workplace, accepted) -> Callable[[], tuple[list[object], dict[str, bytes]]]:
    """All that stands in the tables of files and lies in the folders of files, whenever it is asked for."""

    def look() -> tuple[list[object], dict[str, bytes]]:
        with workplace.database.read() as connection:
            rows = list(connection.execute(select(files)))
        folders = (workplace.storage.incoming, workplace.storage.images, workplace.storage.bundles)
        paths = sorted(path for folder in folders for path in folder.rglob("*"))
        return rows, {str(path): path.read_bytes() if path.is_file() else b"" for path in paths}

    return look
