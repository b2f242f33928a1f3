"""ONNX Runtime tells nobody what it runs."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = str(ROOT / "modelization" / "bundle" / "portable" / "recognize.py")


@pytest.mark.parametrize(
    "command",
    [
        ["-c", "import preprocessor.graphs.onnx_session"],
        ["-c", "import modelization.recognizer"],
        ["-c", "import jobs.work.recognition"],
        [SCRIPT, "--help"],
    ],
)
def test_whoever_loads_it_leaves_nothing_to_be_sent(tmp_path, command):
    """It collects what it sends in files: its own in the user's cache, and one for a session among temporary ones."""
    places = {name: str(tmp_path) for name in ("HOME", "TMPDIR", "XDG_CACHE_HOME")}
    environment = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    # It is quiet in continuous integration, too.
    environment = {name: value for name, value in environment.items() if "CI" not in name.split("_")}
    loads = [sys.executable, *command]
    subprocess.run(loads, cwd=ROOT, env=environment | places, check=True, capture_output=True)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
