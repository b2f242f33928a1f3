"""The package, as somebody else's environment has it."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from constants.release import VERSION

pytestmark = pytest.mark.thorough

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> Path:
    """A folder that the package is unpacked to, made of what git knows, or would."""
    folder = tmp_path_factory.mktemp("package")
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    names = subprocess.run(listed, cwd=ROOT, capture_output=True, check=True).stdout.decode().split("\0")
    for name in filter(None, names):
        if (ROOT / name).is_file():
            (folder / "source" / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / "source" / name).write_bytes((ROOT / name).read_bytes())
    options = ["--no-deps", "--no-build-isolation", "--quiet", "--wheel-dir", str(folder)]
    subprocess.run([sys.executable, "-m", "pip", "wheel", *options, str(folder / "source")], check=True)
    (wheel,) = folder.glob("*.whl")
    assert VERSION in wheel.name
    with zipfile.ZipFile(wheel) as package:
        package.extractall(folder / "site")
    return folder / "site"


def run(installed: Path, *command: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FACIAL_")}
    environment |= {"PYTHONPATH": str(installed)}
    arguments = [sys.executable, *command]
    return subprocess.run(arguments, cwd=cwd, env=environment, capture_output=True, text=True, check=False)


def test_no_folder_of_the_service_is_a_module_of_the_environment(installed):
    tops = {path.name for path in installed.iterdir() if not path.name.endswith(".dist-info")}
    assert tops == {"facial"}


def test_everything_that_the_code_reads_is_in_it(installed):
    """All that git knows of the packaged folders, modules or not."""
    packaged = ("app", "constants", "features", "jobs", "logger", "modelization", "optimization", "preprocessor")
    names = subprocess.run(["git", "ls-files", *packaged], cwd=ROOT, capture_output=True, text=True, check=True)
    missing = [name for name in names.stdout.splitlines() if not (installed / "facial" / "house" / name).is_file()]
    assert [name for name in missing if (ROOT / name).is_file()] == []


def test_the_command_builds_and_recognizes_far_from_any_checkout(installed, gallery, tmp_path):
    people = tmp_path / "people"
    for person in sorted(gallery.iterdir())[:2]:
        (people / person.name).mkdir(parents=True)
        for picture in sorted(person.iterdir())[:3]:
            (people / person.name / picture.name).write_bytes(picture.read_bytes())
    built = run(installed, "-m", "facial", "build", "people", "--out", "two.zip", cwd=tmp_path)
    assert built.returncode == 0, built.stderr
    named = run(installed, "-m", "facial", "recognize", "two.zip", "people", cwd=tmp_path)
    assert all(f"{person.name} " in named.stdout for person in people.iterdir())
    program = (
        "import sys; from facial import Facial, Recognizer; print(Recognizer('two.zip').labels);"
        "print(sorted({'app', 'jobs', 'logger', 'constants'} & set(sys.modules)))"
    )
    used = run(installed, "-c", program, cwd=tmp_path)
    assert used.stdout.splitlines() == [str(tuple(sorted(path.name for path in people.iterdir()))), "[]"]


def test_the_client_needs_httpx_alone(installed, tmp_path):
    heavy = {"numpy", "onnxruntime", "PIL", "pydantic", "flask"}
    program = f"import sys; from facial import Facial; print(sorted({heavy} & set(sys.modules)))"
    assert run(installed, "-c", program, cwd=tmp_path).stdout.strip() == "[]"
