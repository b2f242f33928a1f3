"""A recognizer from its file alone: no service, and nothing but numpy, ONNX Runtime and Pillow.

friends = Recognizer("friends.zip")
print(friends("photo.jpg").people)
"""

import runpy
import zipfile
from collections.abc import Iterable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from facial.client import Photo, Recognized
from facial.house import HOUSE

#: The program that goes into every bundle. It is run from here: what a bundle brings is data, and never run.
_PROGRAM = HOUSE / "modelization" / "bundle" / "portable" / "recognize.py"
_MODEL = "recognizer.onnx"
#: Bytes of the model in a bundle that may be a stranger's: ten times what one of ten thousand people has.
_MAX_MODEL = 1 << 30
#: What is taken for a photo in a folder.
_SUFFIXES = frozenset((".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff"))


class Recognizer:
    """Finds the faces in photos and names them. One instance may serve several threads."""

    def __init__(self, file: str | Path) -> None:
        """``file`` is a bundle, a folder that one was unpacked to, or its ``recognizer.onnx``.

        Raises ``FileNotFoundError`` where there is none, and ``ValueError`` for a file that is no recognizer.
        """
        program = runpy.run_path(str(_PROGRAM))
        self._upright, self._is_first_of_several = program["upright"], program["is_first_of_several"]
        try:
            self._model = program["Recognizer"](_model(Path(file)))
        except OSError:
            raise
        except Exception as error:  # ONNX Runtime's errors share no class of their own
            raise ValueError(f"{file} is no recognizer, or a damaged one; download it again.") from error
        self.labels: tuple[str, ...] = tuple(self._model.labels)
        self.threshold: float = self._model.threshold

    def __call__(self, photo: Photo) -> Recognized:
        """The faces in a photo: a path, a file's bytes, an array (height, width, 3) uint8 in RGB, or Pillow's picture.

        Raises ``OSError`` for a file that cannot be read, and ``ValueError`` for what is no photo.
        """
        name = str(photo) if isinstance(photo, str | Path) else ""
        found = self._model.recognize_pixels(self._pixels(photo))
        is_file = not isinstance(photo, np.ndarray | Image.Image)
        return Recognized.of(
            {"file": name, "first_of_several": is_file and self._is_first_of_several(_opened(photo))} | found
        )

    def each(self, photos: str | Path | Iterable[Photo]) -> Iterator[Recognized]:
        """The faces in each of some photos, or in those of a folder; of one that cannot be read the reason."""
        for photo in _photos_in(Path(photos)) if isinstance(photos, str | Path) else photos:
            try:
                yield self(photo)
            except (OSError, ValueError, Image.DecompressionBombError) as error:
                name = str(photo) if isinstance(photo, str | Path) else ""
                yield Recognized(name, None, None, (), "DAMAGED_IMAGE", str(error))

    def _pixels(self, photo: Photo) -> Any:
        if isinstance(photo, np.ndarray):
            if photo.dtype != np.uint8 or photo.ndim != 3 or photo.shape[2] != 3:
                raise ValueError(f"A photo is uint8 (height, width, 3) in RGB, not {photo.dtype} {photo.shape}.")
            return np.ascontiguousarray(photo)
        if isinstance(photo, Image.Image):
            return np.asarray(photo.convert("RGB"))
        return np.asarray(self._upright(_opened(photo)))


def _opened(photo: str | Path | bytes) -> Path | BytesIO:
    if not isinstance(photo, str | Path):
        return BytesIO(photo)
    if Path(photo).is_dir():
        raise IsADirectoryError(f"{photo} is a folder; take the photos in it by each({str(photo)!r}).")
    return Path(photo)


def _model(file: Path) -> Path | bytes:
    """The model's file or, of a bundle, its content. Bytes cannot refer to other files of this machine."""
    if file.is_dir():
        return file / _MODEL
    if not zipfile.is_zipfile(file):
        return file.read_bytes()
    with zipfile.ZipFile(file) as bundle:
        if bundle.getinfo(_MODEL).file_size > _MAX_MODEL:
            raise ValueError(f"{_MODEL} is too large.")
        return bundle.read(_MODEL)


def _photos_in(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} is not a folder.")
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in _SUFFIXES and path.is_file())
