"""Faces are drawn where they are, and no name breaks the drawing."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from preprocessor.drawing import draw_faces

#: A character that no font has.
NOBODYS = "\U0010ffff"


def face(box: tuple[int, int, int, int], person: str | None = "Ada") -> dict:
    sides = dict(zip(("x_min", "y_min", "x_max", "y_max"), box, strict=True))
    return {"box": sides, "landmarks": [[box[0] + 5.0, box[1] + 5.0]], "person": person, "confidence": 0.98}


def drawn(faces: list[dict], width: int = 300, height: int = 200) -> Image.Image:
    image = Image.new("RGB", (width, height), (200, 200, 200))
    draw_faces(image, faces)
    return image


def changed(image: Image.Image) -> np.ndarray:
    return (np.asarray(image) != 200).any(axis=2)


def test_no_faces_change_nothing():
    assert not changed(drawn([])).any()


def test_a_box_is_drawn_on_its_edges_and_a_name_below():
    inked = changed(drawn([face((50, 40, 120, 120))]))
    assert inked[40, 50:120].all() and inked[119, 50:120].all() and inked[40:120, 50].all() and inked[40:120, 119].all()
    assert not inked[60:110, 70:110].any()
    assert inked[120:140, 50:100].mean() > 0.5


def test_strangers_look_different():
    known, unknown = (drawn([face((50, 40, 120, 120), person)]) for person in ("Ada", None))
    assert known.getpixel((50, 40)) != unknown.getpixel((50, 40))


@pytest.mark.parametrize("box", [(-40, -30, 60, 60), (250, 150, 360, 260), (-500, -500, -400, -400), (10, 10, 11, 11)])
def test_a_name_is_in_the_picture_even_where_the_box_is_not(box):
    with_name, without = (changed(drawn([face(box, person)])) for person in ("Ada Lovelace", ""))
    assert (with_name & ~without).sum() > 200


@pytest.mark.parametrize(
    "label",
    ["Zoë Müller", "名前", "محمد", "हिन्दी", "👩‍👩‍👧", "", "two\nlines\t", "x" * 300, "half \ud800 of one", "\0"],
)
def test_labels_of_every_script(label):
    assert changed(drawn([face((50, 40, 120, 120), label)])).any()


#: A word of two or more different letters in each script that the packaged fonts know.
WORDS = {
    "Latin": "Łukász",
    "Greek": "Ελένη",
    "Cyrillic": "Ђорђе",
    "Armenian": "Արամ",
    "Georgian": "გიორგი",
    "Hebrew": "מרים",
    "Arabic": "محمد",
    "Devanagari": "प्रिया",
    "Thai": "สมชาย",
    "Han": "名前",
    "Kana": "さくら",
    "Hangul": "민수",
    "several": "Ada 名前 Зоя",
}


@pytest.mark.parametrize("script", WORDS)
def test_letters_of_every_such_script_are_drawn_and_no_boxes(script):
    word = WORDS[script]
    texts = (word, word[::-1], NOBODYS * len(word))
    letters, backwards, boxes = (drawn([face((50, 40, 120, 120), text)]).tobytes() for text in texts)
    assert len({letters, backwards, boxes}) == 3


@given(st.text(max_size=20), st.tuples(*[st.integers(-400, 400)] * 2), st.integers(1, 400), st.integers(32, 400))
def test_nothing_breaks_it(label, corner, size, side):
    box = (*corner, corner[0] + size, corner[1] + size)
    assert drawn([face(box, label)], side, 40).size == (side, 40)
