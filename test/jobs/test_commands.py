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


@pytest.fixture(scope="module")
def bundle(people, tmp_path_factory) -> Path:
    """Their recognizer."""
    folder = tmp_path_factory.mktemp("bundle")
    assert run("build", people, "--out", "family.zip", "--name", "Family", "--seed", 3, cwd=folder).returncode == 0
    return folder / "family.zip"


def test_a_folder_becomes_a_recognizer_that_names_its_people(people, gallery, tmp_path):
    built = run("build", people, "--out", "family.zip", "--name", "Family", cwd=tmp_path)
    assert built.returncode == 0, built.stderr
    assert "epoch" not in built.stderr  # bars are for terminals
    assert "3 people from 12 faces" in built.stdout
    assert "notes.txt" in built.stderr
    person = min(people.iterdir())
    photo = sorted((gallery / person.name).iterdir())[4]
    named = run("recognize", "family.zip", photo, cwd=tmp_path)
    assert named.returncode == 0, named.stderr
    assert f"{photo}: {person.name} " in named.stdout


def test_photos_come_from_folders_and_standard_input(bundle, people, tmp_path):
    person = min(people.iterdir())
    lines = run("recognize", bundle, person, "--json", "--draw", tmp_path / "drawn").stdout.splitlines()
    answers = [json.loads(line) for line in lines]
    pictures = sorted(path.stem for path in person.glob("*.jpg"))
    assert [Path(answer["file"]).stem for answer in answers if "reason" not in answer] == pictures
    assert [answer["reason"] for answer in answers if "reason" in answer] == ["NOT_AN_IMAGE"]
    assert sorted(path.name for path in (tmp_path / "drawn").iterdir()) == [f"{name}.jpg" for name in pictures]
    command = [sys.executable, str(ROOT / "run.py"), "recognize", str(bundle), "-"]
    picture = min(person.glob("*.jpg")).read_bytes()
    told = subprocess.run(command, input=picture, capture_output=True, check=True)
    assert told.stdout.decode().startswith(f"-: {person.name} ")


def test_who_reads_the_first_line_alone_sees_no_traceback(bundle, people):
    command = [sys.executable, str(ROOT / "run.py"), "recognize", str(bundle), str(people)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        said = process.stderr.read()
    assert said == b""


def test_what_shows_nothing_ends_with_one(bundle, tmp_path):
    (tmp_path / "notes.txt").write_text("no picture")
    ended = run("recognize", bundle, tmp_path / "notes.txt")
    assert ended.returncode == 1
    assert "This is not a picture" in ended.stdout


def test_two_photos_are_compared_and_encoded_without_a_recognizer(people):
    first, second = sorted(people.iterdir())[:2]
    one, other = sorted(first.glob("*.jpg"))[:2]
    same = run("verify", one, other)
    assert (same.returncode, same.stdout.partition(",")[0]) == (0, "the same person")
    different = run("verify", one, min(second.glob("*.jpg")), "--json")
    assert different.returncode == 1
    assert json.loads(different.stdout)["same_person"] is False
    (face,) = json.loads(run("encode", one).stdout)["faces"]
    assert len(face["encoding"]) == 128
    refused = run("verify", one, first / "notes.txt")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "not a picture" in refused.stderr


def test_the_same_folder_gives_the_same_bundle_but_for_its_id(people, bundle, tmp_path):
    assert run("build", people, "--out", "again.zip", "--seed", 3, cwd=tmp_path).returncode == 0
    heads = []
    for path in (bundle, tmp_path / "again.zip"):
        with zipfile.ZipFile(path) as file:
            heads.append(file.read("head.onnx"))
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
    assert looked.stdout.strip() == "examined: 3 people from 12 faces; 1 label looks doubtful"
    assert f"0.jpg: this is probably not {names[1]}; it looks like {names[0]}." in looked.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["heap", "who.csv"]


def test_options_are_those_of_a_request(people, tmp_path):
    built = run(
        "build", people, "--out", "small.zip", "--optimize", "--generations", 1, "--population", 4, cwd=tmp_path
    )
    assert built.returncode == 0, built.stderr
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
