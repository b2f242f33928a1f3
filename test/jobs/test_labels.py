"""How labels are read."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from constants.exceptions import InvalidRequest
from jobs.intake.labels import clean_label, clean_name, filename_label, folder_label, unify
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
    assert folder_label(clean_name(name)) == label


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
