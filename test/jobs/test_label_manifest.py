"""A manifest says which files show whom."""

import csv
import io
import json
import unicodedata

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from constants.exceptions import InvalidRequest
from jobs.intake.label_manifest import Label, assign, read_manifest
from jobs.intake.labels import clean_label, clean_name
from test import strategies


@pytest.mark.parametrize(
    "text",
    [
        "file,person\n1.jpg,Ada\n2.jpg,Ben\n",
        "\ufefffile,person\r\n1.jpg,Ada\r\n2.jpg,Ben\r\n",
        "Person ; File\n Ada;1.jpg\nBen;2.jpg\n\n",
        'file\tperson\n"1.jpg"\t"Ada"\n\t\n2.jpg\tBen',
        "file,person,box\n./1.jpg,Ada,\n2.jpg,Ben,\n1.jpg,ADA,\n",
        '[{"file": "1.jpg", "person": "Ada"}, {"file": "2.jpg", "person": ["Ben"], "box": null}]',
    ],
    ids=["plain", "byte order mark", "semicolons", "tabs", "repeated", "json"],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_the_same_table_in_every_way_of_writing_it(text, encoding):
    assert read_manifest(text.encode(encoding)) == {"1.jpg": (Label("Ada"),), "2.jpg": (Label("Ben"),)}


@pytest.mark.parametrize(
    "text",
    [
        "file,person,box\n1.jpg,Ada,1 2 30.5 40\n1.jpg,Ben,50 2 80 40",
        'file,person,box\n1.jpg,Ada,"1,2,30.5,40"\n1.jpg,Ben,"50,2,80,40"',
        "file;person;x_min;y_min;x_max;y_max\n1.jpg;Ada;1;2;30.5;40\n1.jpg;Ben;50;2;80;40",
        '[{"file": "1.jpg", "person": "Ada", "box": [1, 2, 30.5, 40]},'
        ' {"file": "1.jpg", "person": "Ben", "box": {"x_min": 50, "y_min": 2, "x_max": 80, "y_max": 40}}]',
    ],
)
def test_boxes_say_who_is_where(text):
    assert read_manifest(text.encode()) == {"1.jpg": (Label("Ada", (1, 2, 30.5, 40)), Label("Ben", (50, 2, 80, 40)))}


def test_json_may_name_several_people_in_a_picture_without_boxes():
    assert read_manifest(b'[{"file": "a.jpg", "person": ["Ada", "Ben"]}]') == {"a.jpg": (Label("Ada"), Label("Ben"))}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("file,person\na.jpg,Ada\na.jpg,Ben\n", "line 3: 'a.jpg' is named for 'Ada' and for 'Ben'"),
        ("file,person,box\na.jpg,Ada,0 0 9 9\na.jpg,Ben,0 0 9 9\n", "give each a box of its own"),
        ("file,person,box\na.jpg,Ada,0 0 9 9\na.jpg,Ben,\n", "give each a box of its own"),
        ("file,person,box\na.jpg,Ada,0 0 9 9\na.jpg,ada,5 5 9 9\n", "twice for 'ada' with different boxes"),
        ("file,name\na.jpg,Ada\n", "does not name the column 'person'"),
        ("file,person,bbox\na.jpg,Ada,\n", "column 'bbox' is not known"),
        ("file,person,person\na.jpg,Ada,Ben\n", "column 'person' is not known, or there twice"),
        ("file,person\na.jpg,Ada,Ben\n", "line 2 has 3 columns"),
        ("file,person\n,Ada\n", "line 2 names no file"),
        ("file,person\na.jpg,  \n", "line 2 names nobody in 'a.jpg'"),
        ("file,person,box\na.jpg,Ada,0 0 9\n", "no box that is one"),
        ("file,person,box\na.jpg,Ada,9 0 0 9\n", "no box that is one"),
        ("file,person,box\na.jpg,Ada,0 0 nan 9\n", "no box that is one"),
        ("file,person,x_min\na.jpg,Ada,5\n", "no box that is one"),
        ('[{"file": "a", "person": "Ada", "box": [0, 0, true, 9]}]', "no box that is one"),
        ('[{"file": "a", "person": "Ada", "box": [0, 0, 9, 1e999]}]', "no box that is one"),
        ('[{"file": "a", "person": "Ada", "box": [0, 0, 9, 9], "x_min": 0}]', "no box that is one"),
        ('[{"file": "a", "person": ["Ada", "Ben"], "box": [0, 0, 9, 9]}]', "one box for 2 people"),
        ('[{"file": "a", "person": ["Ada", 5]}]', "names nobody"),
        ('[{"file": 5, "person": "Ada"}]', "entry 1 names no file"),
        ('[{"file": "a", "person": "Ada", "label": "Ben"}]', "'label', which is not known"),
        ('{"a.jpg": "Ada"}', "is a list"),
        ("[[]]", "entry 1 is no object"),
        ("[{", "no JSON"),
        ("[" * 100_000, "no JSON"),
        ("file,person\n", "names no file"),
        ("", "names no file"),
        ("file,person\na.jpg," + "x" * 200_000, "line"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(text, sentence):
    with pytest.raises(InvalidRequest, match=sentence):
        read_manifest(text.encode())


def test_a_table_in_another_encoding_is_refused_with_what_to_do():
    with pytest.raises(InvalidRequest, match="save it as UTF-8"):
        read_manifest("file,person\n1.jpg,Renée\n".encode("latin-1"))


def test_names_may_leave_out_folders_as_long_as_one_file_is_meant():
    names = ["trip/1.jpg", "trip/2.jpg", "1.jpg", "home/3.jpg", "work/3.jpg"]
    ada, ben, cleo = ((Label(person),) for person in ("Ada", "Ben", "Cleo"))
    assert assign({"1.jpg": ada, "2.jpg": ben, "home/3.jpg": cleo}, names) == [(), ben, ada, cleo, ()]
    with pytest.raises(InvalidRequest, match=r"names '3.jpg', and 2 of the files"):
        assign({"3.jpg": ada}, names)
    with pytest.raises(InvalidRequest, match=r"names '4.jpg', and no file"):
        assign({"4.jpg": ada}, names)
    with pytest.raises(InvalidRequest, match=r"one file as '2.jpg' and as 'trip/2.jpg'"):
        assign({"2.jpg": ada, "trip/2.jpg": ben}, names)


@given(st.dictionaries(strategies.labels, strategies.labels, min_size=1, max_size=5), st.sampled_from(["csv", "json"]))
def test_names_in_any_script_are_kept_as_written(people, kind):
    wanted = {clean_name(file): clean_label(person) for file, person in people.items()}
    assume(len(wanted) == len(people) and all(wanted) and all(wanted.values()))
    if kind == "csv":
        buffer = io.StringIO()
        csv.writer(buffer).writerows([("file", "person"), *people.items()])
        # Spaces around a cell are not part of it.
        wanted = {clean_name(file.strip()): clean_label(person) for file, person in people.items()}
        assume(len(wanted) == len(people) and all(wanted))
        text = buffer.getvalue()
    else:
        text = json.dumps([{"file": file, "person": person} for file, person in people.items()])
    found = read_manifest(text.encode())
    assert {file: labels[0].person for file, labels in found.items()} == wanted
    assert all(unicodedata.is_normalized("NFC", labels[0].person) for labels in found.values())


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_arbitrary_bytes_are_a_manifest_or_refused(content):
    try:
        found = read_manifest(content)
    except InvalidRequest:
        return
    assert all(file and labels for file, labels in found.items())
