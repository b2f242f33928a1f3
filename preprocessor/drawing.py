"""Faces drawn into a photo: boxes, landmarks and names. Needs Pillow alone, as it also goes into bundles."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache, lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image, ImageDraw, ImageFont

#: Fonts of packages that the service is installed with, by package and file. The first knows the alphabets of Europe,
#: the Caucasus and the Near East, the last Chinese, Japanese and Korean.
_PACKAGED = (
    ("matplotlib", "mpl-data/fonts/ttf/DejaVuSans.ttf"),
    ("fontpkg_noto_sans_devanagari", "files/NotoSansDevanagari[wdth,wght].ttf"),
    ("fontpkg_noto_sans_thai", "files/NotoSansThai[wdth,wght].ttf"),
    ("noto_cjk_sans_otc", "NotoSansCJK-Regular.ttc"),
)
#: Fonts of usual systems, for what those lack, and for whoever has none of them.
_OF_SYSTEMS = (
    *("NotoSans-Regular.ttf", "DejaVuSans.ttf", "Arial Unicode.ttf", "segoeui.ttf"),
    *("NotoSansCJK-Regular.ttc", "PingFang.ttc", "msgothic.ttc", "malgun.ttf"),
    *("NotoSansDevanagari-Regular.ttf", "NotoSansBengali-Regular.ttf", "NotoSansTamil-Regular.ttf", "Nirmala.ttc"),
    *("NotoSansGujarati-Regular.ttf", "NotoSansTelugu-Regular.ttf", "NotoSansKannada-Regular.ttf"),
    *("NotoSansMalayalam-Regular.ttf", "NotoSansGurmukhi-Regular.ttf", "NotoSansSinhala-Regular.ttf"),
    *("NotoSansThai-Regular.ttf", "NotoSansKhmer-Regular.ttf", "NotoSansLao-Regular.ttf"),
    *("NotoSansMyanmar-Regular.ttf", "NotoSansEthiopic-Regular.ttf"),
)
#: Pixels of the letters that are drawn to see whether a font has them, and a character that none has.
_TRIED_SIZE, _NO_CHARACTER = 16, "\U0010ffff"
#: What Pillow's own font is called here, which knows Latin letters only.
_OF_PILLOW = ""
#: Shares of the photo's longer side: lines are seen, and names read, on a screen that shows the whole photo.
_LINE, _TEXT = 1 / 300, 1 / 45
#: Pixels; the smallest letters that can be read.
_LEAST_TEXT = 12
_KNOWN, _UNKNOWN, _INK = (30, 160, 80), (150, 150, 150), (255, 255, 255)


def draw_faces(photo: Image.Image, faces: Sequence[Mapping[str, Any]]) -> None:
    """Draw faces, as an answer of recognize describes them, into an RGB photo: a copy might take 400 MB."""
    draw = ImageDraw.Draw(photo)
    line = max(1, round(max(photo.size) * _LINE))
    letters = max(_LEAST_TEXT, round(max(photo.size) * _TEXT))
    for face in faces:
        box, colour = face["box"], _UNKNOWN if face["person"] is None else _KNOWN
        draw.rectangle((box["x_min"], box["y_min"], box["x_max"] - 1, box["y_max"] - 1), outline=colour, width=line)
        for x, y in face["landmarks"]:
            draw.ellipse((x - line, y - line, x + line, y + line), fill=colour)
    # Names last, so that no line goes through one.
    for face in faces:
        _write_name(draw, letters, face, photo.size)


def _write_name(draw: ImageDraw.ImageDraw, letters: int, face: Mapping[str, Any], size: tuple[int, int]) -> None:
    """The name on a plate below the box, moved to where the whole of it is in the picture, if it can be."""
    text, colour = "unknown", _UNKNOWN
    if face["person"] is not None:
        text, colour = f"{_printable(face['person'])} {face['confidence']:.0%}", _KNOWN
    runs = [_Run(part, _font(name, letters)) for name, part in _parts(text)]
    boxes = [run.font.getbbox(run.text, anchor="ls") for run in runs]  # from the line that letters stand on
    top, bottom = min(box[1] for box in boxes), max(box[3] for box in boxes)
    width, height = sum(run.font.getlength(run.text) for run in runs), bottom - top
    margin = height // 3
    x = max(margin, min(face["box"]["x_min"] + margin, size[0] - width - margin))
    y = max(margin, min(face["box"]["y_max"] + margin, size[1] - height - margin))
    draw.rectangle((x - margin, y - margin, x + width + margin, y + height + margin), fill=colour)
    for run in runs:
        draw.text((x, y - top), run.text, _INK, run.font, "ls")
        x += run.font.getlength(run.text)


def _printable(label: str) -> str:
    """A label on one line, without halves of characters, which no font can draw."""
    return "".join(character if character.isprintable() else " " for character in label)


class _Run(NamedTuple):
    """A part of a text that one font has all characters of."""

    text: str
    font: ImageFont.FreeTypeFont


def _parts(text: str) -> list[tuple[str, str]]:
    """A text in parts of one font each, named before it: in one part where a font has all its characters."""
    fonts = _fonts()
    for font in fonts:
        if all(_has(font, character) for character in text):
            return [(font, text)]
    parts: list[tuple[str, str]] = []
    font = fonts[0]
    for character in text:
        # A font goes on as far as it can, so that a mark stays with its letter.
        if not _has(font, character):
            font = next((other for other in fonts if _has(other, character)), font)
        before = parts.pop()[1] if parts and parts[-1][0] == font else ""
        parts.append((font, before + character))
    return parts


@cache
def _fonts() -> tuple[str, ...]:
    """The fonts that are here, in the order in which they are asked for a text; the last is Pillow's own."""
    return (*(name for name in (*_packaged(), *_OF_SYSTEMS) if _can_be_opened(name)), _OF_PILLOW)


def _packaged() -> Iterator[str]:
    for package, file in _PACKAGED:
        found = find_spec(package)
        for folder in found.submodule_search_locations or () if found else ():
            yield str(Path(folder) / file)


def _can_be_opened(name: str) -> bool:
    try:
        _font(name, _TRIED_SIZE)
    except OSError:
        return False
    return True


@lru_cache(maxsize=4096)
def _has(name: str, character: str) -> bool:
    """Whether a font has a character, and not the box in its place."""
    tried, box = (_font(name, _TRIED_SIZE, ImageFont.Layout.BASIC).getmask(one) for one in (character, _NO_CHARACTER))
    return tried.size != box.size or bytes(tried) != bytes(box)


@lru_cache(maxsize=32)
def _font(name: str, size: int, layout: ImageFont.Layout | None = None) -> ImageFont.FreeTypeFont:
    if name != _OF_PILLOW:
        return ImageFont.truetype(name, size, layout_engine=layout)
    own = ImageFont.load_default(size)
    assert isinstance(own, ImageFont.FreeTypeFont)  # which every wheel of Pillow has
    return own
