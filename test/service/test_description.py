"""The interface's description, held against the real service by a program that makes requests of it: Schemathesis."""

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from features.database import Database
from jobs.table import access_keys
from jobs.table.access_keys import Scope
from jobs.table.tables import DEFAULT_TENANT
from test.service.running import ROOT, Service, running

pytestmark = pytest.mark.thorough

#: What is allowed of answers beside what the description says, each with its reason.
CONFIG = Path(__file__).with_name("schemathesis.toml")
#: Requests of each kind that are made of each operation.
EXAMPLES = 3


def ready_recognizer(service: Service, gallery: Path) -> str:
    folders = sorted(gallery.iterdir())
    views = [(folder.name, view) for folder in folders for view in sorted(folder.iterdir())[:3]]
    pictures = [(f"{name}/{view.name}", view.read_bytes()) for name, view in views]
    recognizer = service.post("/build_recognizer", "images", pictures)[1]["id"]
    assert service.wait_until_built(recognizer)["state"] == "ready"
    return recognizer


def held_against(service: Service, recognizer: str, *options: str) -> tuple[int, str]:
    """The exit status of a run over all operations, with all checks, and what it says."""
    # Made anew each time, in CI always the same, and part of what is said.
    seed = 0 if os.environ.get("CI") else random.SystemRandom().randrange(1 << 32)
    command = [Path(sys.executable).parent / "schemathesis", "--config-file", CONFIG, "run"]
    command += [f"http://127.0.0.1:{service.port}/docs/openapi.json", "--checks", "all", "--no-color"]
    command += ["--max-examples", str(EXAMPLES), "--seed", str(seed), "--generation-database", "none"]
    command += ["--workers", "1", *options]
    ran = subprocess.run(
        command, cwd=ROOT, env=os.environ | {"RECOGNIZER": recognizer}, capture_output=True, text=True, check=False
    )
    return ran.returncode, ran.stdout + ran.stderr


@pytest.mark.timeout(900)
def test_the_service_does_what_its_description_says(tmp_path, gallery):
    with running(tmp_path / "data", tmp_path / "log", FACIAL_ENCODE_WORKERS="1") as service:
        first, second = ready_recognizer(service, gallery), ready_recognizer(service, gallery)
        status, said = held_against(service, first)
        assert status == 0, said
        database = Database(f"sqlite:///{service.data_dir / 'facial.sqlite'}")
        key = access_keys.create(database, "tester", list(Scope), tenant=DEFAULT_TENANT)
        database.close()
        assert service.get("/v1/recognizers")[0] == 401
        # The rest does not depend on who asks.
        known = ("--header", f"Authorization: Bearer {key}", "--phases", "examples,fuzzing,stateful")
        status, said = held_against(service, second, *known)
        assert status == 0, said
        assert service.get("/is_alive")[0] == 200
