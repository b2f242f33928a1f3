"""What Chromium's fake camera sees."""

from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from test.portraits import PORTRAITS

#: Pixels of the camera's picture, and pictures a second and in all: it starts anew at the end.
_SIDES, _RATE, _FRAMES = (640, 480), 10, 2


def write_camera(path: Path, portrait: str = "grace_hopper.jpg") -> Path:
    """A video without compression (YUV4MPEG2) of a portrait that stands still, as Chromium plays it for a camera."""
    picture = Image.open(PORTRAITS / portrait).convert("RGB")
    picture.thumbnail(_SIDES)
    canvas = Image.new("RGB", _SIDES, "grey")
    canvas.paste(picture, ((_SIDES[0] - picture.width) // 2, (_SIDES[1] - picture.height) // 2))
    frame = cv2.cvtColor(np.asarray(canvas), cv2.COLOR_RGB2YUV_I420).tobytes()
    head = f"YUV4MPEG2 W{_SIDES[0]} H{_SIDES[1]} F{_RATE}:1 Ip A1:1 C420jpeg\n".encode()
    path.write_bytes(head + _FRAMES * (b"FRAME\n" + frame))
    return path
