"""Faces drawn into a photo: boxes, landmarks and names. Needs Pillow alone, as it also goes into bundles."""

from collections.abc import Mapping, Sequence
from typing import Any

from PIL import Image, ImageDraw, ImageFont

#: Fonts of usual systems that know many scripts, the first that is there; Pillow's own knows Latin letters only.
_FONTS = ("NotoSans-Regular.ttf", "DejaVuSans.ttf", "Arial Unicode.ttf", "segoeui.ttf")
#: Shares of the photo's longer side: lines are seen, and names read, on a screen that shows the whole photo.
_LINE, _TEXT = 1 / 300, 1 / 45
#: Pixels; the smallest letters that can be read.
_LEAST_TEXT = 12
_KNOWN, _UNKNOWN, _INK = (30, 160, 80), (150, 150, 150), (255, 255, 255)


def draw_faces(photo: Image.Image, faces: Sequence[Mapping[str, Any]]) -> None:
    """Draw faces, as an answer of recognize describes them, into an RGB photo: a copy might take 400 MB."""
    draw = ImageDraw.Draw(photo)
    line = max(1, round(max(photo.size) * _LINE))
    font = _font(max(_LEAST_TEXT, round(max(photo.size) * _TEXT)))
    for face in faces:
        box, colour = face["box"], _UNKNOWN if face["person"] is None else _KNOWN
        draw.rectangle((box["x_min"], box["y_min"], box["x_max"] - 1, box["y_max"] - 1), outline=colour, width=line)
        for x, y in face["landmarks"]:
            draw.ellipse((x - line, y - line, x + line, y + line), fill=colour)
    # Names last, so that no line goes through one.
    for face in faces:
        _write_name(draw, font, face, photo.size)


def _write_name(
    draw: ImageDraw.ImageDraw,
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
    face: Mapping[str, Any],
    size: tuple[int, int],
) -> None:
    """The name on a plate below the box, moved to where the whole of it is in the picture, if it can be."""
    text, colour = "unknown", _UNKNOWN
    if face["person"] is not None:
        text, colour = f"{_printable(face['person'])} {face['confidence']:.0%}", _KNOWN
    left, top, right, bottom = draw.textbbox((0, 0), text, font)
    width, height = right - left, bottom - top
    margin = height // 3
    x = max(margin, min(face["box"]["x_min"] + margin, size[0] - width - margin))
    y = max(margin, min(face["box"]["y_max"] + margin, size[1] - height - margin))
    draw.rectangle((x - margin, y - margin, x + width + margin, y + height + margin), fill=colour)
    draw.text((x - left, y - top), text, _INK, font)


def _printable(label: str) -> str:
    """A label on one line, without halves of characters, which no font can draw."""
    return "".join(character if character.isprintable() else " " for character in label)


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    for name in _FONTS:
        try:
            return ImageFont.truetype(name, size)
        except OSError:
            continue
    return ImageFont.load_default(size)
