"""Faces are drawn where they are, and no name breaks the drawing."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from preprocessor.drawing import annotated


def face(box: tuple[int, int, int, int], person: str | None = "Ada") -> dict:
    sides = dict(zip(("x_min", "y_min", "x_max", "y_max"), box, strict=True))
    return {"box": sides, "landmarks": [[box[0] + 5.0, box[1] + 5.0]], "person": person, "confidence": 0.98}


def photo(width: int = 300, height: int = 200) -> Image.Image:
    return Image.new("RGB", (width, height), (200, 200, 200))


def changed(drawn: Image.Image) -> np.ndarray:
    return (np.asarray(drawn) != 200).any(axis=2)


def test_the_photo_itself_stays_as_it_is():
    original = photo()
    assert changed(annotated(original, [face((50, 50, 120, 120))])).any()
    assert not changed(original).any()


def test_no_faces_change_nothing():
    assert not changed(annotated(photo(), [])).any()


def test_a_box_is_drawn_on_its_edges_and_a_name_below():
    drawn = changed(annotated(photo(), [face((50, 40, 120, 120))]))
    assert drawn[40, 50:120].all() and drawn[119, 50:120].all() and drawn[40:120, 50].all() and drawn[40:120, 119].all()
    assert not drawn[60:110, 70:110].any()
    assert drawn[120:140, 50:100].mean() > 0.5


def test_strangers_look_different():
    known, unknown = (annotated(photo(), [face((50, 40, 120, 120), person)]) for person in ("Ada", None))
    assert known.getpixel((50, 40)) != unknown.getpixel((50, 40))


@pytest.mark.parametrize("box", [(-40, -30, 60, 60), (250, 150, 360, 260), (-500, -500, -400, -400), (10, 10, 11, 11)])
def test_a_name_is_in_the_picture_even_where_the_box_is_not(box):
    with_name, without = (changed(annotated(photo(), [face(box, person)])) for person in ("Ada Lovelace", ""))
    assert (with_name & ~without).sum() > 200


@pytest.mark.parametrize(
    "label",
    ["Zoë Müller", "名前", "محمد", "हिन्दी", "👩‍👩‍👧", "", "two\nlines\t", "x" * 300, "half \ud800 of one", "\0"],
)
def test_labels_of_every_script(label):
    assert changed(annotated(photo(), [face((50, 40, 120, 120), label)])).any()


@given(st.text(max_size=20), st.tuples(*[st.integers(-400, 400)] * 2), st.integers(1, 400), st.integers(32, 400))
def test_nothing_breaks_it(label, corner, size, side):
    box = (*corner, corner[0] + size, corner[1] + size)
    assert annotated(photo(side, 40), [face(box, label)]).size == (side, 40)
