"""Photos in JSON: read as those of a form, and refused with a sentence."""

from base64 import b64encode

import pytest

from app.uploads import MAX_PHOTOS, photos_in_memory
from constants.exceptions import InvalidRequest

PHOTO = bytes(range(256))
TEXT = b64encode(PHOTO).decode()


def read(client, **request: object) -> list[tuple[str, bytes]]:
    with client.application.test_request_context("/recognize", method="POST", **request), photos_in_memory() as sent:
        return sent


@pytest.mark.parametrize(
    ("image", "names"),
    [
        (TEXT, ["0"]),
        ([TEXT], ["0"]),
        ([TEXT, TEXT], ["0", "1"]),
        (f"data:image/jpeg;base64,{TEXT}", ["0"]),
        ([f"data:;base64,{TEXT}"], ["0"]),
    ],
)
def test_photos_are_read_as_they_were_sent(client, image, names):
    assert read(client, json={"image": image}) == [(name, PHOTO) for name in names]


@pytest.mark.parametrize(
    "body",
    [
        {"image": []},
        {"image": ""},
        {"image": "no base64!"},
        {"image": TEXT[:-3]},
        {"image": ["é"]},
        {"image": [TEXT] * (MAX_PHOTOS + 1)},
        {"image": [1]},
        {"image": TEXT, "url": "http://example.org/1.jpg"},
        {"photo": TEXT},
        [TEXT],
    ],
)
def test_what_is_no_photo_is_refused_with_what_to_send(client, body):
    with pytest.raises(InvalidRequest, match="photos in base64"):
        read(client, json=body)


@pytest.mark.parametrize("data", [b"", b"null", b"{", b"\xff", b"[" * 100_000])
def test_what_is_no_json_is_refused_likewise(client, data):
    with pytest.raises(InvalidRequest, match="photos in base64"):
        read(client, data=data, content_type="application/json")
