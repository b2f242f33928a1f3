"""Files that are sent in pieces."""

import base64
import io
import tarfile
import time

import pytest

from jobs.intake import pieced_uploads
from jobs.intake.pieced_uploads import PiecedUploads
from jobs.work.tidying import tidy

PIECE = {"Content-Type": "application/offset+octet-stream", "Tus-Resumable": "1.0.0"}


def tar_of(people) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for content, name in people.files():
            entry = tarfile.TarInfo(name)
            entry.size = len(content.getvalue())
            archive.addfile(entry, content)
    return buffer.getvalue()


def build(client, upload_id: str, **headers: str):
    form = {"data": {"upload": upload_id}, "content_type": "multipart/form-data"}
    return client.post("/v1/recognizers", headers=headers, **form)


def begin(client, length: int, name: str = "pictures.tar"):
    metadata = f"filename {base64.b64encode(name.encode()).decode()},other"
    return client.post("/v1/uploads", headers={"Upload-Length": str(length), "Upload-Metadata": metadata})


def send(client, place: str, offset: int, piece: bytes):
    return client.patch(place, data=piece, headers=PIECE | {"Upload-Offset": str(offset)})


@pytest.fixture
def whole(client, people) -> str:
    """The address of an upload of people's pictures that has arrived."""
    content = tar_of(people)
    place = begin(client, len(content)).headers["Location"]
    assert send(client, place, 0, content).status_code == 204
    return place


def test_a_recognizer_is_made_of_what_came_in_pieces(client, people, finish):
    content = tar_of(people)
    half = len(content) // 2
    begun = begin(client, len(content), "Zoë.tar")
    assert begun.status_code == 201 and begun.json["name"] == "Zoë.tar" and begun.json["offset"] == 0
    place = begun.headers["Location"]
    assert send(client, place, 0, content[:half]).headers["Upload-Offset"] == str(half)
    # It broke off: the client asks where it goes on.
    asked = client.head(place)
    assert (asked.headers["Upload-Offset"], asked.headers["Upload-Length"]) == (str(half), str(len(content)))
    early = build(client, begun.json["id"])
    assert early.status_code == 409 and str(half) in early.json["detail"]
    assert send(client, place, half, content[half:]).status_code == 204
    made = client.post(f"/v1/recognizers?upload={begun.json['id']}&name=Pieces")
    assert made.status_code == 202, made.json
    finish()
    built = client.get(f"/v1/recognizers/{made.json['id']}").json
    assert (built["state"], built["name"]) == ("ready", "Pieces")
    assert [person["label"] for person in built["people"]] == [f"Person {i}" for i in range(3)]


def test_the_same_request_makes_nothing_twice(client, whole):
    first, second = (build(client, whole.rpartition("/")[2], **{"Idempotency-Key": "once"}) for _ in range(2))
    assert (first.status_code, second.status_code) == (202, 202)
    assert first.json["id"] == second.json["id"] and second.headers["Idempotent-Replayed"] == "true"


def test_files_and_an_upload_go_together(client, people, whole):
    (content, _), *_ = people.files()
    more = [(io.BytesIO(content.getvalue() + b"\0"), "Somebody/1.jpg")]
    made = client.post("/v1/recognizers", data={"images": more, "upload": whole.rpartition("/")[2]})
    assert made.status_code == 202, made.json


@pytest.mark.parametrize(
    ("headers", "status", "says"),
    [
        ({"Upload-Offset": "7"}, 409, "goes on at byte 0"),
        ({"Upload-Offset": "0", "Content-Type": "image/jpeg"}, 415, "offset"),
        ({"Upload-Offset": "-1"}, 400, "Upload-Offset"),
        ({"Upload-Offset": "²"}, 400, "Upload-Offset"),
        ({"Upload-Offset": "0", "Tus-Resumable": "0.2.2"}, 412, "1.0.0"),
    ],
)
def test_a_wrong_piece_is_refused_and_changes_nothing(client, headers, status, says):
    place = begin(client, 3).headers["Location"]
    refused = client.patch(place, data=b"abc", headers=PIECE | headers)
    assert refused.status_code == status and says in refused.json["detail"]
    assert client.get(place).json["offset"] == 0


def test_no_more_arrives_than_was_said(client):
    place = begin(client, 3).headers["Location"]
    assert send(client, place, 0, b"abcd").status_code == 413
    assert client.get(place).json["offset"] == 0


@pytest.mark.parametrize("length", ["0", "", "many", "1e3", str(10**12)])
def test_a_length_that_is_none_or_too_large_is_refused(client, length):
    refused = client.post("/v1/uploads", headers={"Upload-Length": length})
    assert refused.status_code == (413 if length == str(10**12) else 400)


def test_only_so_many_wait(client):
    for _ in range(pieced_uploads._MOST):
        assert begin(client, 3).status_code == 201
    refused = begin(client, 3)
    assert refused.status_code == 429 and int(refused.headers["Retry-After"]) > 0


def test_a_deleted_one_is_gone(client, workplace, whole):
    assert client.delete(whole).status_code == 204
    for answer in (client.get(whole), client.head(whole), client.delete(whole), send(client, whole, 0, b"a")):
        assert answer.status_code == 404
    assert build(client, whole.rpartition("/")[2]).status_code == 404
    assert list(workplace.storage.pieces.iterdir()) == []


@pytest.mark.parametrize("name", ["../images", "..", "0" * 32, "%2e%2e", "about.json"])
def test_no_name_leads_elsewhere(client, name):
    assert client.get(f"/v1/uploads/{name}").status_code == 404


def test_another_tenant_finds_none(workplace):
    uploads = PiecedUploads(workplace.storage.pieces)
    upload = uploads.begin("one", "a.tar", 3)
    with pytest.raises(pieced_uploads.NotFound):
        uploads.find("another", upload.id)
    assert uploads.find("one", upload.id) == upload


def test_two_cannot_add_to_one_at_once(workplace):
    uploads = PiecedUploads(workplace.storage.pieces)
    upload = uploads.begin("one", "a.tar", 3)

    class Another:
        def read(self, _: int) -> bytes:
            with pytest.raises(pieced_uploads.Conflict, match="Another request"):
                uploads.append("one", upload.id, 0, 1, io.BytesIO(b"x"))
            return b""

    assert uploads.append("one", upload.id, 0, 3, Another()).offset == 0


def test_what_arrives_before_it_breaks_off_stays(workplace):
    uploads = PiecedUploads(workplace.storage.pieces)
    upload = uploads.begin("one", "a.tar", 3)

    class Broken:
        pieces = iter([b"ab"])

        def read(self, _: int) -> bytes:
            return next(self.pieces)

    with pytest.raises(StopIteration):
        uploads.append("one", upload.id, 0, 3, Broken())
    assert uploads.find("one", upload.id).offset == 2


def test_what_nobody_waits_for_is_deleted(client, workplace, whole, monkeypatch):
    upload_id = whole.rpartition("/")[2]
    tidy(workplace.database, workplace.storage)
    assert client.get(whole).status_code == 200
    # Once it was used it need not wait for a day.
    before = client.get(whole).json["expires_at"]
    assert build(client, upload_id).status_code == 202
    assert client.get(whole).json["expires_at"] < before
    now = time.time()
    monkeypatch.setattr(pieced_uploads.time, "time", lambda: now + pieced_uploads._USED_S + 60)
    tidy(workplace.database, workplace.storage)
    assert client.get(whole).status_code == 404
