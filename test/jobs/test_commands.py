"""The command line, as a person runs it."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.thorough

ROOT = Path(__file__).parents[2]


def run(*arguments: object, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "run.py"), *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def people(gallery, tmp_path_factory) -> Path:
    """A folder for each of three people, with four pictures each, and one file that is none."""
    folder = tmp_path_factory.mktemp("people")
    chosen = sorted(gallery.iterdir())
    for person in chosen:
        (folder / person.name).mkdir()
        for picture in sorted(person.iterdir())[:4]:
            (folder / person.name / picture.name).symlink_to(picture)
    (folder / chosen[0].name / "notes.txt").write_text("not a picture")
    return folder


def test_a_folder_becomes_a_recognizer_that_names_its_people(people, gallery, tmp_path):
    built = run("build", people, "--out", "family.zip", "--name", "Family", cwd=tmp_path)
    assert built.returncode == 0, built.stderr
    assert "3 people from 12 faces" in built.stdout
    assert "notes.txt" in built.stderr
    person = min(people.iterdir())
    photo = sorted((gallery / person.name).iterdir())[4]
    named = run("recognize", "family.zip", photo, cwd=tmp_path)
    assert named.returncode == 0, named.stderr
    (image,) = json.loads(named.stdout)["images"]
    assert person.name in [face["person"] for face in image["faces"]]


def test_the_same_folder_gives_the_same_bundle_but_for_its_id(people, tmp_path):
    heads = []
    for name in ("one.zip", "two.zip"):
        assert run("build", people, "--out", name, "--seed", 3, cwd=tmp_path).returncode == 0
        with zipfile.ZipFile(tmp_path / name) as bundle:
            heads.append(bundle.read("head.onnx"))
    assert heads[0] == heads[1]


def test_a_dry_run_tells_what_looks_wrong_and_builds_nothing(people, tmp_path):
    """A manifest gives everybody's pictures their names, but one a wrong one."""
    pictures = sorted(path for path in people.rglob("*.jpg"))
    heap = tmp_path / "heap"
    heap.mkdir()
    rows = ["file,person"]
    names = sorted({picture.parent.name for picture in pictures})
    for number, picture in enumerate(pictures):
        (heap / f"{number}.jpg").symlink_to(picture)
        rows.append(f"{number}.jpg,{names[1] if number == 0 else picture.parent.name}")
    (tmp_path / "who.csv").write_text("\n".join(rows))
    looked = run("build", heap, "--manifest", "who.csv", "--dry-run", cwd=tmp_path)
    assert looked.returncode == 0, looked.stderr
    assert looked.stdout.strip() == "examined: 3 people from 12 faces"
    assert f"0.jpg: this is probably not {names[1]}; it looks like {names[0]}." in looked.stderr
    assert "train" not in looked.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["heap", "who.csv"]


def test_options_are_those_of_a_request(people, tmp_path):
    built = run(
        "build", people, "--out", "small.zip", "--optimize", "--generations", 1, "--population", 4, cwd=tmp_path
    )
    assert built.returncode == 0, built.stderr
    assert "search" in built.stderr
    with zipfile.ZipFile(tmp_path / "small.zip") as bundle:
        search = json.loads(bundle.read("manifest.json"))["search"]
    assert (search["generations"], search["population"], search["evaluated"]) == (1, 4, 4)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("build", "."), "--out"),
        (("build", ".", "--out", "x.zip", "--population", "2"), "population"),
        (("build", ".", "--out", "x.zip", "--detector", "best"), "detector"),
        (("build", ".", "--out", "x.zip", "--manifest", "none.csv"), "none.csv is not a file"),
        (("build", "nowhere", "--out", "x.zip"), "nowhere is not a folder"),
        (("build", ".", "--out", "x.zip", "--target-fpir", "7"), "target-fpir"),
        (("recognize", "nowhere.zip", "photo.jpg"), "nowhere.zip is not a file"),
        (("recognize", "text.zip", "text.zip"), "recognizer"),
    ],
)
def test_what_a_person_can_mend_ends_with_a_sentence(tmp_path, arguments, sentence):
    (tmp_path / "text.zip").write_text("not a zip")
    ended = run(*arguments, cwd=tmp_path)
    assert ended.returncode == 1
    assert sentence in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_malformed_setting_ends_with_a_sentence(monkeypatch):
    monkeypatch.setenv("FACIAL_PORT", "web")
    ended = run("dispatcher")
    assert ended.returncode == 1
    assert ended.stderr.startswith("The setting 'FACIAL_PORT' is wrong: ")


@pytest.mark.parametrize(
    "module", ["jobs.processes.worker", "jobs.work.recognition", "jobs.processes.dispatcher", "modelization.building"]
)
def test_only_training_loads_tensorflow(module):
    program = f"import sys, {module}; print(any(name in sys.modules for name in ('tensorflow', 'keras')))"
    ran = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "False"


@pytest.mark.parametrize(
    ("module", "needless"),
    [
        ("jobs.processes.supervisor", {"cv2", "dlib", "onnxruntime", "PIL"}),
        ("jobs.processes.dispatcher", {"cv2", "dlib", "onnxruntime", "PIL"}),
        ("modelization.bundle.photo_proof", {"sqlalchemy"}),
    ],
)
def test_a_process_loads_what_it_needs_alone(module, needless):
    """Others stay in memory for ever, or are loaded anew for every build."""
    program = f"import sys, {module}; print(sorted({needless} & set(sys.modules)))"
    ran = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
