"""What every test may use: real pictures, settings of a folder of its own, a workplace in it."""

import io
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from PIL import Image
from skimage import data

from constants.settings import Settings
from jobs.processes.child import ONE_THREAD
from jobs.workplace import Workplace
from test.permitted_skips import NO_DATASET, PERMITTED_SKIPS
from test.portraits import write_gallery

pytest_plugins = ["test.quick"]

# Locally few examples, in CI many; no deadline, because the machine may be busy.
_CHECKS = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
settings.register_profile("local", max_examples=30, deadline=None, suppress_health_check=_CHECKS)
settings.register_profile("ci", max_examples=50, deadline=None, suppress_health_check=_CHECKS, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "local")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--screenshots", action="store_true", help="take the README's pictures of the pages anew")


def pytest_configure() -> None:
    """One compute thread a process, as the service's workers have: more of them would take the other tests' time.

    For xdist's processes, which start after this, and for all that a test starts.
    """
    os.environ.update(ONE_THREAD)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Half as many again as processors: tests of the whole service wait for it much of the time."""
    return 3 * (os.cpu_count() or 1) // 2


def dataset() -> Path | None:
    """A folder of many real people, a folder for each, where this machine has one."""
    beside = Path(__file__).parents[2] / "shared" / "data" / "lfw-dev"
    folder = Path(os.environ.get("FACIAL_TEST_DATASET", beside))
    return folder if folder.is_dir() else None


@pytest.fixture(scope="session")
def lfw() -> Path:
    """That folder, for what only many people can show."""
    folder = dataset()
    if folder is None:
        pytest.skip(NO_DATASET)
    return folder


@pytest.fixture(scope="session")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of three people, a folder for each, with views of 250 pixels of a portrait: there in any clone."""
    return write_gallery(tmp_path_factory.mktemp("gallery"))


@pytest.fixture(scope="session")
def portrait_files(gallery: Path) -> Callable[[int], list[Path]]:
    """So many files with a face in their middle: of as many people where there is a data set, else of three."""
    folder = dataset()
    if folder is not None:
        return lambda count: [min(person.iterdir()) for person in sorted(folder.iterdir())[:count]]
    people = [sorted(person.iterdir()) for person in sorted(gallery.iterdir())]
    views = [view for first_of_each in zip(*people, strict=True) for view in first_of_each]
    return lambda count: views[:count]


@pytest.fixture(scope="session")
def astronaut() -> np.ndarray:
    """RGB pixels of a public-domain portrait: Eileen Collins, by NASA; a JPEG of it has blocks that some tests see."""
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


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """In CI a skip is a failure, unless it stands in the list of those permitted."""
    report = yield
    if report.skipped and os.environ.get("CI") and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2].removeprefix("Skipped: ")
        test = item.nodeid.split("[")[0]
        folder = test[: test.rindex("/") + 1]
        if not {(test, reason), (folder, reason)} & PERMITTED_SKIPS:
            report.outcome = "failed"
            report.longrepr = f"skipped in CI without standing in test/permitted_skips.py: {reason}"
    return report


def jpeg(pixels: np.ndarray, **options: object) -> bytes:
    """Pixels as a JPEG file's bytes."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", **{"quality": 95, **options})
    return buffer.getvalue()
