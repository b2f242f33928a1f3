"""The picture of a known face, as CompreFace's clients ask for it: what is kept of it, or why nothing is."""

import io

import numpy as np
import pytest
from PIL import Image

FACES = "/api/v1/recognition/faces"


@pytest.fixture
def shown(client, people, finish):
    """Build the collection with options, and ask for the picture of a face of it that was sent, which comes first."""

    def show(**options: str):
        sent = people.picture("Ada")
        files = [(io.BytesIO(sent), "Ada/1.jpg"), *people.files(people=1, each=2)]
        client.post("/v1/recognizers", data={"images": files, "name": "collection", **options})
        finish()
        ids = [face["image_id"] for face in client.get(f"{FACES}?subject=Ada").json["faces"]]
        return sent, client.get(f"{FACES}/{ids[0]}/img")

    return show


def test_the_picture_is_given_where_it_is_kept(shown):
    sent, answer = shown(keep_images="1", keep_thumbnails="recognizer")
    assert (answer.status_code, answer.mimetype) == (200, "image/jpeg")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    pictures = [np.asarray(Image.open(io.BytesIO(content))) for content in (sent, answer.data)]
    assert np.array_equal(*pictures)


def test_else_the_thumbnail_of_its_face(shown):
    sent, answer = shown(keep_thumbnails="recognizer")
    assert (answer.status_code, answer.mimetype) == (200, "image/jpeg")
    assert answer.data != sent and Image.open(io.BytesIO(answer.data)).format == "JPEG"


def test_where_nothing_is_kept_the_answer_says_why(client, shown):
    _, answer = shown()
    assert (answer.status_code, answer.json["code"]) == (404, 11)
    assert "keep_images or keep_thumbnails" in answer.json["message"]
    nobody = client.get(f"{FACES}/00000000-0000-0000-0000-000000000000/img")
    assert (nobody.status_code, nobody.json["message"]) == (404, "There is no face of this id.")
