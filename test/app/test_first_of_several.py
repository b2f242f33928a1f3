"""Of an animation the first picture is looked at, and whoever sent it is told so wherever it is listed."""

import io

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def moving() -> bytes:
    """An animation of nobody."""
    first, second = (Image.fromarray(np.full((60, 80, 3), grey, np.uint8)) for grey in (90, 160))
    buffer = io.BytesIO()
    first.save(buffer, "GIF", save_all=True, append_images=[second])
    return buffer.getvalue()


def test_a_build_says_of_which_files_it_looked_at_the_first_picture_alone(client, people, finish, moving):
    files = [*people.files(), (io.BytesIO(moving), "Person 0/moving.gif")]
    recognizer = client.post("/v1/recognizers", data={"images": files}).json["id"]
    finish()
    where = f"/v1/recognizers/{recognizer}"
    listed = {image["file"]: image["first_of_several"] for image in client.get(f"{where}/images").json["images"]}
    assert [name for name, is_first in listed.items() if is_first] == ["Person 0/moving.gif"]
    assert "of 1 file only the first picture was looked at" in client.get(where).json["message"]
    assert client.get(f"{where}/report?format=json").json["pictures"]["first_of_several"] == ["Person 0/moving.gif"]
    page = client.get(f"/recognizers/{recognizer}", headers={"Accept-Language": "de"}).text
    assert page.index("nur das erste Bild") < page.rindex("Person 0/moving.gif")
    assert client.patch(f"{where}/people/Person 1", json={"label": "Ada"}).status_code == 202
    finish()
    later = client.get(f"{where}/images?version=2").json["images"]
    assert {image["file"]: image["first_of_several"] for image in later} == listed
