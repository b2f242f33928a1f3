"""Which tests are quick: those that need no TensorFlow, no process of their own, no browser and no thousand faces.

The others come first, so that no core waits for the longest one at the end.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

#: Fixtures that train a recognizer, or start a browser.
_THOROUGH_FIXTURES = {"finish", "built", "fitted", "unpacked", "browser", "page"}
#: What stands in a file whose every test is thorough.
_THOROUGH_FILE = "pytestmark = pytest.mark.thorough"


def is_quick(config: pytest.Config) -> bool:
    """Whether quick tests alone are run."""
    return config.option.markexpr == "quick"


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """A thorough file is not even loaded for the quick tests: its imports take seconds."""
    if is_quick(config) and collection_path.suffix == ".py" and _THOROUGH_FILE in collection_path.read_text("utf-8"):
        return True
    return None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if not _THOROUGH_FIXTURES & set(getattr(item, "fixturenames", ())) and not item.get_closest_marker("thorough"):
            item.add_marker("quick")
    items.sort(key=_rank)


def _rank(item: pytest.Item) -> tuple[bool, bool]:
    """A test's place: first those of the whole service, then others whose every test is thorough."""
    return item.path.parent.name != "service", item.parent is None or item.parent.get_closest_marker("thorough") is None


@pytest.fixture(scope="session", autouse=True)
def _is_quick_indeed(request: pytest.FixtureRequest) -> Iterator[None]:
    """Quick tests must not load TensorFlow by a way round."""
    yield
    if is_quick(request.config):
        assert "tensorflow" not in sys.modules, "a quick test loads TensorFlow: mark it, or its file, as thorough"
