"""How labels are read."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from constants.exceptions import InvalidRequest
from jobs.intake.folder_labels import folder_labels
from jobs.intake.labels import clean_label, clean_name, filename_label, unify
from test import strategies


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("Alice/1.jpg", "Alice"),
        ("people/Alice/1.jpg", "Alice"),
        ("1.jpg", None),
        ("Żółć/ą.png", "Żółć"),
        ("张伟/1.jpg", "张伟"),
        ("  Alice  B /1.jpg", "Alice B"),
    ],
)
def test_the_folder_is_the_label(name, label):
    assert folder_labels([clean_name(name)]) == [label]


@pytest.mark.parametrize(
    ("names", "labels"),
    [
        (("people/Ada/2019/1.jpg", "people/Ben/2020/2.jpg"), ("Ada", "Ben")),
        (("Ada/2019-07-14/1.jpg", "Ada/DCIM/100CANON/2.jpg", "Ben/3.jpg"), ("Ada", "Ada", "Ben")),
        (("train/Ada/1.jpg", "val/Ada/2.jpg", "test/Ben/3.jpg"), ("Ada", "Ada", "Ben")),
        (("Ada/train/1.jpg", "Ada/test/2.jpg", "Ben/train/3.jpg", "Ben/test/4.jpg"), ("Ada", "Ada", "Ben", "Ben")),
        (("People/Ada/1.jpg", "People/Val/2.jpg"), ("Ada", "Val")),
        (("Ada/Rome/1.jpg", "Ben/Rome/2.jpg"), ("Ada", "Ben")),
        (("Ada/1.jpg", "Ada/Rome/2.jpg", "Ben/3.jpg", "Ben/Oslo/4.jpg"), ("Ada", "Ada", "Ben", "Ben")),
        (("family/Ada/1.jpg", "family/Ben/2.jpg", "work/Cleo/3.jpg"), ("Ada", "Ben", "Cleo")),
        (("people/cover.jpg", "people/Ada/1.jpg", "people/Ben/2.jpg"), ("people", "Ada", "Ben")),
        (("2019/1.jpg", "2020/2.jpg"), ("2019", "2020")),
        (("1.jpg", "Ada/2.jpg"), (None, "Ada")),
    ],
)
def test_the_level_that_names_people_is_found_from_all_names(names, labels):
    assert folder_labels(names) == list(labels)


def test_who_is_known_is_found_in_any_folder():
    assert folder_labels(["Ada/1.jpg", "Ada/Rome/2.jpg"], known=["ADA"]) == ["Ada", "Ada"]


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("Alice_0001.jpg", "Alice"),
        ("Alice Smith (3).jpeg", "Alice Smith"),
        ("alice-12.png", "alice"),
        ("Bob.jpg", "Bob"),
        ("0001.jpg", None),
        ("R2D2_7.jpg", "R2D2"),
    ],
)
def test_the_stem_before_its_number_is_the_label(name, label):
    assert filename_label(name) == label


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "C:\\faces\\..\\passwd", "./a//b"])
def test_a_name_leads_nowhere(name):
    cleaned = clean_name(name)
    assert not cleaned.startswith("/")
    assert ".." not in cleaned.split("/")
    assert "\\" not in cleaned


@given(strategies.labels)
def test_a_clean_label_is_nfc_and_stays_as_it_is(label):
    cleaned = clean_label(label)
    if cleaned is not None:
        assert unicodedata.is_normalized("NFC", cleaned)
        assert clean_label(cleaned) == cleaned


#: Each row is one person, written in different ways.
ONE_PERSON = (("Alice", "ALICE", "alice"), ("Bob", "bob"), ("STRASSE", "straße"), ("Ὀδυσσεύς", "ὈΔΥΣΣΕΎΣ"), ("ᾳ", "ΑΙ"))


@given(st.lists(st.none() | st.sampled_from([label for row in ONE_PERSON for label in row])))
def test_labels_that_differ_in_case_alone_are_one_person(labels):
    unified = unify(labels)
    row = {label: number for number, written in enumerate(ONE_PERSON) for label in written}
    assert [row.get(label) for label in unified] == [row.get(label) for label in labels]
    assert len(set(unified) - {None}) == len({row[label] for label in labels if label})


@pytest.mark.parametrize("label", ["a" * 201, "tab\x00null"])
def test_a_label_that_is_none_is_refused(label):
    with pytest.raises(InvalidRequest, match="A label"):
        clean_label(label)
