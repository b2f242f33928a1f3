#!/usr/bin/env python3
"""Who is in these photos? Needs numpy, onnxruntime and Pillow, and recognizer.onnx beside this file.

python recognize.py photo.jpg [more.jpg ...] [--draw out.png]
"""

import argparse
import json
import os
import sys
from math import exp
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

# Newer releases of ONNX Runtime else tell Microsoft of every program that loads it.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
import onnxruntime

#: Why a face that was judged is not named.
UNKNOWN = "LOW_CONFIDENCE"


def main() -> int:
    parser = argparse.ArgumentParser(description="Find the faces in photos and name them, as JSON.")
    parser.add_argument("photos", nargs="+", type=Path, help="photos")
    parser.add_argument("--draw", type=Path, metavar="OUT.png", help="a picture to make, of one photo with the names")
    parser.add_argument("--model", type=Path, default=Path(__file__).with_name("recognizer.onnx"), help="another model")
    options = parser.parse_args()
    if options.draw and len(options.photos) > 1:
        parser.error("--draw is for one photo")
    try:
        recognizer = Recognizer(options.model)
        images = [recognizer.recognize(photo) for photo in options.photos]
        answer = json.dumps({"images": images}, ensure_ascii=False, indent=2)
        sys.stdout.buffer.write(f"{answer}\n".encode())  # JSON is UTF-8, whatever the terminal is
        if options.draw:
            from drawing import draw_faces  # type: ignore[import-not-found]  # beside this file in the bundle

            photo = upright(options.photos[0])
            draw_faces(photo, images[0]["faces"])
            photo.save(options.draw)
    except (OSError, UnidentifiedImageError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


class Recognizer:
    """The model in a file; labels, threshold and reasons are part of it."""

    def __init__(self, model: Path | bytes) -> None:
        if isinstance(model, Path) and not model.is_file():
            raise FileNotFoundError(f"{model} is missing; unpack it from the bundle, beside this file.")
        source = model if isinstance(model, bytes) else str(model)
        self._session = onnxruntime.InferenceSession(source, providers=["CPUExecutionProvider"])
        about = self._session.get_modelmeta().custom_metadata_map
        self.labels, self.reasons = (json.loads(about[name]) for name in ("labels", "reasons"))
        self.threshold = float(about["threshold"])

    def recognize(self, photo: Path) -> dict[str, Any]:
        """The faces in a photo, the surest first, in pixels of the photo as a person sees it."""
        several = {"first_of_several": True} if is_first_of_several(photo) else {}
        return {"file": str(photo)} | several | self.recognize_pixels(np.asarray(upright(photo)))

    def recognize_pixels(self, photo: NDArray[np.uint8]) -> dict[str, Any]:
        """The faces in an upright photo's pixels, (height, width, 3) in RGB."""
        names = [output.name for output in self._session.get_outputs()]
        found = self._session.run(names, {"photo": photo})
        faces = [self._face(dict(zip(names, face, strict=True))) for face in zip(*found, strict=True)]
        height, width, _ = photo.shape
        return {"width": width, "height": height, "threshold": self.threshold, "faces": faces}

    def _face(self, face: dict[str, Any]) -> dict[str, Any]:
        sides = zip(("x_min", "y_min", "x_max", "y_max"), face["boxes"].tolist(), strict=True)
        candidates = zip(face["candidates"], face["candidate_confidences"], strict=True)
        reason = list(self.reasons)[face["reasons"]] if face["reasons"] >= 0 else None
        is_judged = reason in (None, UNKNOWN)
        return {
            "box": {name: round(side) for name, side in sides}
            | {"probability": _share(1 / (1 + exp(-face["scores"])))},
            "landmarks": [[round(x, 1), round(y, 1)] for x, y in face["landmarks"].tolist()],
            "person": self.labels[face["people"]] if face["people"] >= 0 else None,
            "confidence": _share(face["confidences"]) if is_judged else None,
            "candidates": [
                {"person": self.labels[who], "confidence": _share(sure)} for who, sure in candidates if is_judged
            ],
            "reason": reason,
            "message": self.reasons.get(reason),
        }


def upright(photo: Path | IO[bytes]) -> Image.Image:
    """The photo as a person sees it: EXIF orientation applied, transparent parts on white; RGB."""
    with Image.open(photo) as file:
        image = ImageOps.exif_transpose(file)
    if image.mode == "I" or image.mode.startswith("I;16"):
        image = Image.fromarray((np.asarray(image, np.int64).clip(0, 65535) // 257).astype(np.uint8))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("RGB")


def is_first_of_several(photo: Path | IO[bytes]) -> bool:
    """Whether the file has other pictures than the one looked at, such as an animation's frames."""
    with Image.open(photo) as file:
        return file.format != "MPO" and getattr(file, "is_animated", False)


def _share(value: float) -> float:
    return round(float(value), 4)


if __name__ == "__main__":
    sys.exit(main())
