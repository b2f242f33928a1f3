"""What every test may use: real pictures, settings of a folder of its own, a workplace in it."""

import io
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from PIL import Image
from skimage import data

from constants.settings import Settings
from jobs.workplace import Workplace

# Locally quick, in CI thorough; no deadline, because the machine may be busy.
_CHECKS = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
settings.register_profile("local", max_examples=30, deadline=None, suppress_health_check=_CHECKS)
settings.register_profile("ci", max_examples=100, deadline=None, suppress_health_check=_CHECKS, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "local")


@pytest.fixture(scope="session")
def lfw() -> Path:
    """A folder of real faces, a folder for each person."""
    beside = Path(__file__).parents[2] / "shared" / "data" / "lfw-dev"
    folder = Path(os.environ.get("FACIAL_TEST_DATASET", beside))
    if not folder.is_dir():
        pytest.skip("no data set of faces: set FACIAL_TEST_DATASET to a folder that has a folder for each person")
    return folder


@pytest.fixture(scope="session")
def astronaut() -> np.ndarray:
    """RGB pixels of a public-domain portrait: Eileen Collins, by NASA."""
    return np.asarray(data.astronaut())


@pytest.fixture(scope="session")
def astronaut_jpeg(astronaut: np.ndarray) -> bytes:
    return jpeg(astronaut)


@pytest.fixture(scope="session")
def graphs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the networks' graphs are kept for all tests, which never change: to make them takes seconds."""
    return tmp_path_factory.mktemp("graphs")


@pytest.fixture
def service_settings(tmp_path: Path, graphs: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings whose data folder is the test's own, whatever the environment says."""
    for name in [name for name in os.environ if name.startswith("FACIAL_")]:
        monkeypatch.delenv(name)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "graphs").symlink_to(graphs)
    return Settings(data_dir=tmp_path / "data")


@pytest.fixture
def workplace(service_settings: Settings) -> Workplace:
    made = Workplace.of(service_settings)
    yield made
    made.database.close()


def jpeg(pixels: np.ndarray, **options: object) -> bytes:
    """Pixels as a JPEG file's bytes."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", **{"quality": 95, **options})
    return buffer.getvalue()
