"""The script of a bundle, in a virtual environment that has what the script says it needs and nothing else."""

import json
import subprocess
import sys
import venv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from test.conftest import jpeg
from test.portable.conftest import Unpacked

pytestmark = pytest.mark.thorough

NEEDS = ("numpy", "onnxruntime", "Pillow")


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of a new virtual environment."""
    folder = tmp_path_factory.mktemp("venv")
    venv.create(folder, symlinks=True)
    interpreter = folder / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(interpreter), "install", "--quiet", *NEEDS]
    subprocess.run(pip, check=True)
    return interpreter


def run(python: Path, unpacked: Unpacked, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [str(python), str(unpacked.folder / "recognize.py"), *map(str, arguments)]
    # From another folder, without this project's modules, and on a terminal that knows few letters.
    environment = {"PYTHONIOENCODING": "ascii"}
    return subprocess.run(
        command, cwd="/", env=environment, capture_output=True, text=True, encoding="utf-8", check=False
    )


def recognized(python: Path, unpacked: Unpacked, *arguments: object) -> list[dict]:
    ended = run(python, unpacked, *arguments)
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)["images"]


def test_it_answers_as_the_service_does(python: Path, unpacked: Unpacked) -> None:
    images = recognized(python, unpacked, *unpacked.photos)
    assert [image.pop("file") for image in images] == [str(photo) for photo in unpacked.photos]
    for image, answer in zip(images, unpacked.answers, strict=True):
        assert (image["width"], image["height"]) == (answer["width"], answer["height"])
        assert image["threshold"] == answer["threshold"] == 0.5
        for face, served in zip(image["faces"], answer["faces"], strict=True):
            assert list(face) == list(served)
            assert face["box"] == pytest.approx(served["box"], abs=1e-3)
            assert (face["landmarks"], face["person"]) == (served["landmarks"], served["person"])
            assert face["confidence"] == pytest.approx(served["confidence"], abs=0.05)
            assert face["candidates"][0]["person"] == served["candidates"][0]["person"]


def test_names_are_drawn(python: Path, unpacked: Unpacked, tmp_path: Path) -> None:
    photo = next(
        photo for photo, answer in zip(unpacked.photos, unpacked.answers, strict=True) if answer["faces"][0]["person"]
    )
    (image,) = recognized(python, unpacked, photo, "--draw", tmp_path / "drawn.png")
    before, after = (np.asarray(Image.open(file), np.int16) for file in (photo, tmp_path / "drawn.png"))
    assert before.shape == after.shape
    box = image["faces"][0]["box"]
    changed = np.argwhere(np.abs(after - before).max(axis=2) > 0)
    assert changed[:, 0].min() >= min(box["y_min"], 0) and changed[:, 1].min() >= min(box["x_min"], 0)
    assert (after[max(box["y_min"], 0), max(box["x_min"], 0)] == (30, 160, 80)).all()


def test_photos_of_every_kind(python: Path, unpacked: Unpacked, astronaut: np.ndarray, tmp_path: Path) -> None:
    portrait = Image.fromarray(astronaut[:320])
    exif = Image.Exif()
    exif[274] = 6
    portrait.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "turned.png", exif=exif)
    portrait.save(tmp_path / "upright.png")
    portrait.convert("RGBA").save(tmp_path / "transparent.png")
    portrait.convert("L").save(tmp_path / "grey.png")
    (tmp_path / "nobody.jpg").write_bytes(jpeg(np.full((60, 90, 3), 128, np.uint8)))
    portrait.save(tmp_path / "moving.png", save_all=True, append_images=[portrait.rotate(90)])
    kinds = ("upright", "turned", "transparent", "grey", "moving")
    *people, moving, nobody = recognized(
        python, unpacked, *(tmp_path / f"{kind}.png" for kind in kinds), tmp_path / "nobody.jpg"
    )
    upright, turned, transparent, _ = people
    assert turned["faces"] == upright["faces"] == transparent["faces"]
    assert [(image["width"], image["height"], len(image["faces"])) for image in people] == [(512, 320, 1)] * 4
    assert nobody["faces"] == []
    assert (moving["faces"], moving["first_of_several"]) == (upright["faces"], True)
    assert "first_of_several" not in upright


@pytest.mark.parametrize("content", [None, b"", b"text"])
def test_what_is_no_photo_ends_with_a_sentence(python: Path, unpacked: Unpacked, tmp_path: Path, content) -> None:
    if content is not None:
        (tmp_path / "photo.jpg").write_bytes(content)
    ended = run(python, unpacked, tmp_path / "photo.jpg")
    assert ended.returncode == 1
    assert "photo.jpg" in ended.stderr and "Traceback" not in ended.stderr
