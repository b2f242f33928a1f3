"""Views of three portraits in the public domain: enough for every test of what runs, in any clone."""

import io
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from PIL import Image

PORTRAITS = Path(__file__).parents[1] / "app" / "static" / "portraits"
#: Pixels; sides of a view, and of the face in its middle before it is varied.
VIEW_SIDE, FACE_SIDE = 250, 90
#: Views of each person.
VIEWS = 67


class Portrait(NamedTuple):
    """A file, and the centre and side of the face in it, in pixels."""

    file: str
    face: tuple[float, float, float]


PEOPLE = {
    "Barack Obama": Portrait("barack_obama.jpg", (344, 184, 180)),
    "Eileen Collins": Portrait("eileen_collins.jpg", (223, 127, 88)),
    "Grace Hopper": Portrait("grace_hopper.jpg", (269, 245, 216)),
}


def write_gallery(folder: Path, views: int = VIEWS) -> Path:
    """A folder for each person with views of 250 pixels, the first of them the portrait itself, cropped."""
    for person, portrait in PEOPLE.items():
        own = folder / person.replace(" ", "_")
        own.mkdir(parents=True)
        pixels = np.asarray(Image.open(PORTRAITS / portrait.file).convert("RGB"))
        rng = np.random.default_rng(len(person))
        for number in range(views):
            (own / f"{own.name}_{number + 1:04}.jpg").write_bytes(_view(pixels, portrait.face, rng if number else None))
    return folder


def first_of_each(gallery: Path, people: int, pictures: int) -> list[tuple[str, bytes]]:
    """So many pictures of so many people of a gallery, each with the name by which it is sent."""
    folders = sorted(gallery.iterdir())[:people]
    views = [(folder.name, view) for folder in folders for view in sorted(folder.iterdir())[:pictures]]
    return [(f"{name}/{view.name}", view.read_bytes()) for name, view in views]


def _view(pixels: np.ndarray, face: tuple[float, float, float], rng: np.random.Generator | None) -> bytes:
    """A view as a JPEG file: turned, moved, enlarged, mirrored, darker or brighter, blurred, compressed."""
    x, y, side = face
    if rng is None:
        return _jpeg(_framed(pixels, (x, y), FACE_SIDE / side, 0.0), 95)
    scale = FACE_SIDE / side * rng.uniform(0.85, 1.2)
    centre = x + side * rng.uniform(-0.1, 0.1), y + side * rng.uniform(-0.1, 0.1)
    view = _framed(pixels, centre, scale, rng.uniform(-9, 9))
    if rng.random() < 0.5:
        view = view[:, ::-1]
    view = cv2.GaussianBlur(view, (0, 0), rng.uniform(0.1, 0.8))
    light = 255 * (view / 255.0) ** rng.uniform(0.75, 1.35) * rng.uniform(0.85, 1.1)
    return _jpeg(np.clip(light, 0, 255).astype(np.uint8), int(rng.integers(70, 96)))


def _framed(pixels: np.ndarray, centre: tuple[float, float], scale: float, degrees: float) -> np.ndarray:
    turned = cv2.getRotationMatrix2D(centre, degrees, scale)
    turned[:, 2] = turned[:, 2] + VIEW_SIDE / 2 - np.array(centre)
    return cv2.warpAffine(pixels, turned, (VIEW_SIDE, VIEW_SIDE), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REFLECT)


def _jpeg(pixels: np.ndarray, quality: int) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()
