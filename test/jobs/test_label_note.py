"""What is said about where labels were found."""

import pytest

from jobs.intake.folder_labels import folder_labels
from jobs.intake.label_note import label_note


def said(*names: str, labels: list[str | None] | None = None) -> str:
    return label_note(list(zip(names, labels or folder_labels(names), strict=True)))


def test_the_level_of_folders_is_named_with_an_example():
    note = said("people/Ada/2019/1.jpg", "people/Ada/2020/2.jpg", "people/Ben/2020/1.jpg")
    assert note == "Labels are folders of level 2, as in 'people/Ada/2019/1.jpg': 2 people."


def test_files_beside_the_folders_are_counted():
    note = said("Ada/1.jpg", "Ada/2.jpg", "notes.jpg", labels=["Ada", "Ada", None])
    assert note == "Labels are folders of level 1, as in 'Ada/1.jpg': 1 person; 1 file has no label."


def test_the_innermost_of_folders_that_are_called_alike_counts():
    assert "level 3" in said("Ada/all/ada/1.jpg", labels=["Ada"])


def test_labels_that_came_with_the_files_are_told_from_folders():
    assert said("1.jpg", "2.jpg", labels=["Ada", "Ben"]).startswith("Labels were sent with the files")


def test_flat_names_with_numbers_get_the_hint():
    note = said("Ada_1.jpg", "Ada_2.jpg", "Ben_1.jpg", "Ben_2.jpg")
    assert "('Ada' and 'Ben')" in note and "label_from=filename" in note


@pytest.mark.parametrize(
    "names",
    [("1.jpg", "2.jpg", "3.jpg"), ("holiday.jpg", "garden.jpg"), ("Ada_1.jpg", "Ben_1.jpg"), ("Ada_1.jpg", "x.jpg")],
)
def test_other_flat_names_get_none(names):
    note = said(*names)
    assert note.startswith("No file says who is on it") and "label_from" not in note
