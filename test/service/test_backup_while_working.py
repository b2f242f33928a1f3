"""A backup of the real service while it works: everything accepted before goes on, or stands, in another folder."""

import hashlib
import itertools
import json
import os
import sqlite3
import subprocess
import sys
import threading
import zipfile
from contextlib import closing
from io import BytesIO
from pathlib import Path

import pytest

from modelization.bundle.bundle_parts import open_whole
from test.service.running import ROOT, running, wait_for

pytestmark = pytest.mark.thorough

#: A search that is still under way when the backup is taken.
SEARCH = {"optimize": "1", "generations": "8", "population": "8", "max_layers": "1"}
#: Builds that are accepted while it is taken, at most: each one is trained afterwards.
MEANWHILE = 2
#: Numbers that make other files of the same pictures, which must be encoded anew.
_FRESH = itertools.count()


def run(data_dir: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "run.py"), *map(str, arguments)]
    environment = os.environ | {"FACIAL_DATA_DIR": str(data_dir)}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def pictures(gallery: Path, each: int) -> list[tuple[str, bytes]]:
    """So many pictures of each of three people, none of which was sent before."""
    chosen = [picture for person in sorted(gallery.iterdir()) for picture in sorted(person.iterdir())[:each]]
    number = next(_FRESH)
    return [(f"{path.parent.name}/{path.name}", path.read_bytes() + b"\0%d" % number) for path in chosen]


def generation(service, recognizer: str) -> int:
    """How far a search is; 0 while there is none."""
    return (service.get(f"/v1/recognizers/{recognizer}")[1]["progress"].get("search") or {"generation": 0})[
        "generation"
    ]


def table(data_dir: Path, statement: str) -> list[tuple]:
    with closing(sqlite3.connect(data_dir / "facial.sqlite")) as database:
        return database.execute(statement).fetchall()


def test_a_running_service_is_backed_up_and_goes_on_in_another_folder(gallery, tmp_path):
    backup, restored = tmp_path / "backup.tar", tmp_path / "restored"
    photo = sorted((gallery / "Grace_Hopper").iterdir())[-1].read_bytes()
    with running(tmp_path / "data", tmp_path / "log", FACIAL_ENCODE_WORKERS="1") as service:

        def build(each: int, **options: str) -> str:
            status, accepted = service.post("/build_recognizer", "images", pictures(gallery, each), **options)
            assert status == 202, accepted
            return accepted["id"]

        ready = build(4, keep_images="1")
        assert service.wait_until_built(ready)["state"] == "ready"
        bundle = service.get(f"/download_recognizer?id={ready}")[1]
        searching = build(4, **SEARCH)
        wait_for(lambda: generation(service, searching) >= 2, "the second generation")
        large = build(40)
        wait_for(lambda: service.get(f"/is_available?id={large}")[1]["progress"]["done"] >= 8, "the first pictures")
        accepted = [ready, searching, large, build(3)]
        meanwhile: list[str] = []
        going = threading.Thread(target=lambda: meanwhile.extend(build(3) for _ in range(MEANWHILE)))
        going.start()
        made = run(service.data_dir, "backup", backup)
        going.join()
        assert made.returncode == 0, made.stderr
        assert service.get("/is_alive")[0] == 200
        refused = run(service.data_dir, "restore", backup)
        assert (refused.returncode, "is not empty" in refused.stderr) == (1, True)
        service.kill()

    made = run(restored, "restore", backup)
    assert made.returncode == 0, made.stderr
    states = dict(table(restored, "SELECT recognizer_id, state FROM builds"))
    assert [states[recognizer] for recognizer in accepted[:3]] == ["ready", "training", "encoding"]
    with running(restored, tmp_path / "log", FACIAL_ENCODE_WORKERS="2") as service:
        assert service.get(f"/download_recognizer?id={ready}")[1] == bundle
        kept = sorted((restored / "images" / ready / "1").iterdir())
        assert len(kept) == 12
        seen: list[int] = []
        wait_for(lambda: seen.append(generation(service, searching)) or seen[-1] > 0, "the search to go on")
        assert seen[-1] >= 2, "what was searched is not searched again"
        for recognizer in states:
            assert service.wait_until_built(recognizer)["state"] == "ready"
        assert set(accepted) <= states.keys() <= {*accepted, *meanwhile}
        for recognizer, name, sha256 in table(restored, "SELECT recognizer_id, bundle, bundle_sha256 FROM builds"):
            with open_whole(restored / "bundles" / recognizer / name) as whole:
                assert hashlib.file_digest(whole, "sha256").hexdigest() == sha256
            _, answer = service.post(f"/recognize?id={recognizer}", "image", [("photo.jpg", photo)])
            assert [face["person"] for face in answer["images"][0]["faces"]] == ["Grace_Hopper"]
        manifest = json.loads(
            zipfile.ZipFile(BytesIO(service.get(f"/download_recognizer?id={searching}")[1])).read("manifest.json")
        )
        assert manifest["search"]["evaluated"] == 64
        left = [path for path in (restored / "images").rglob("*") if path.is_file() and path not in kept]
        assert not left, "pictures that nothing needs any more are gone as ever"
        assert not (restored / "restoring").exists()
        service.stop()
