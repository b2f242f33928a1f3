"""The client, sync and async, against the running service; and the file that it downloads, by itself."""

import asyncio
import zipfile
from base64 import b64encode
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image

from facial import AsyncFacial, Facial, Recognizer, ServiceError
from test.service.generated_client import generated_client
from test.service.running import Service, running, wait_for

pytestmark = pytest.mark.thorough


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    folder = tmp_path_factory.mktemp("client")
    with running(folder / "data", folder / "log") as service:
        yield service


@pytest.fixture(scope="module")
def facial(service: Service):
    with Facial(f"http://127.0.0.1:{service.port}") as facial:
        yield facial


@pytest.fixture(scope="module")
def people(gallery, tmp_path_factory) -> Path:
    """A folder with four pictures of each of two people."""
    folder = tmp_path_factory.mktemp("people")
    for person in sorted(gallery.iterdir())[:2]:
        (folder / person.name).mkdir()
        for picture in sorted(person.iterdir())[:4]:
            (folder / person.name / picture.name).symlink_to(picture)
    return folder


@pytest.fixture(scope="module")
def recognizer(facial, people):
    return facial.build(people, name="Two").wait(timeout=300)


def test_a_folder_becomes_a_recognizer_that_takes_photos_of_any_form(recognizer, people, gallery):
    names = sorted(person.name for person in people.iterdir())
    assert recognizer.people == dict.fromkeys(names, 4)
    photo = sorted((gallery / names[0]).iterdir())[5]
    pixels = Image.open(photo).convert("RGB")
    for form in (photo, str(photo), photo.read_bytes(), pixels, np.asarray(pixels)):
        assert recognizer.recognize(form).people == [names[0]]


def test_a_photo_may_be_sent_in_json(service, recognizer, gallery):
    name = min(recognizer.people)
    photo = b64encode(sorted((gallery / name).iterdir())[5].read_bytes()).decode()
    path = f"/v1/recognizers/{recognizer.id}/recognize"
    with httpx.Client(base_url=f"http://127.0.0.1:{service.port}", timeout=60) as http:
        one, several = (http.post(path, json={"image": image}).json() for image in (photo, [photo, photo]))
        assert [face["person"] for face in one["images"][0]["faces"]] == [name]
        assert [image["file"] for image in several["images"]] == ["0", "1"]
        assert http.post("/v1/verify", json={"image": [photo, photo]}).json()["same_person"] is True
        assert len(http.post("/v1/encode", json={"image": photo}).json()["images"][0]["faces"]) == 1
        assert http.post("/v1/verify", json={"image": photo}).status_code == 400


def test_one_bad_photo_costs_itself_alone(recognizer, gallery):
    photo = min((gallery / min(recognizer.people)).iterdir())
    good, bad = recognizer.recognize_all([photo, b"no picture"])
    assert good.people == [min(recognizer.people)]
    assert (bad.faces, bad.reason) == ((), "NOT_AN_IMAGE")
    with pytest.raises(ServiceError, match="not a picture") as refused:
        recognizer.recognize(b"no picture")
    assert refused.value.status == 422


def test_people_are_added_renamed_and_forgotten(facial, people, gallery):
    """By names that no folder could have."""
    named = {f"{index}/..": sorted(folder.iterdir())[:3] for index, folder in enumerate(sorted(people.iterdir()))}
    recognizer = facial.build(named).wait(timeout=300)
    assert set(recognizer.people) == set(named)
    third = sorted(gallery.iterdir())[2]
    recognizer.add({"Third": [picture.read_bytes() for picture in sorted(third.iterdir())[:3]]}).wait(timeout=300)
    recognizer.rename("Third", "/").wait(timeout=300)
    assert recognizer.people == {"0/..": 3, "1/..": 3, "/": 3}
    recognizer.forget("/").wait(timeout=300)
    assert recognizer.recognize(min(third.iterdir())).people == []
    recognizer.delete()
    with pytest.raises(ServiceError) as gone:
        facial.recognizer(recognizer.id)
    assert gone.value.status == 410


def test_what_was_downloaded_names_people_by_itself(recognizer, gallery, tmp_path):
    bundle = recognizer.download(tmp_path / "two.zip")
    assert [path.name for path in tmp_path.iterdir()] == ["two.zip"]
    own = Recognizer(bundle)
    name = min(recognizer.people)
    photos = tmp_path / "photos"
    photos.mkdir()
    (photos / "a.jpg").write_bytes(sorted((gallery / name).iterdir())[5].read_bytes())
    (photos / "b.jpg").write_bytes(b"no picture")
    good, bad = own.each(photos)
    assert good.people == [name]
    assert (bad.faces, bad.reason) == ((), "DAMAGED_IMAGE")
    with pytest.raises(IsADirectoryError, match="by each"):
        own(photos)
    pixels = np.asarray(Image.open(photos / "a.jpg").convert("RGB"))
    for form in (photos / "a.jpg", (photos / "a.jpg").read_bytes(), pixels, Image.fromarray(pixels)):
        assert own(form).people == [name]
    with zipfile.ZipFile(bundle) as unpacked:
        unpacked.extract("recognizer.onnx", tmp_path / "unpacked")
    assert Recognizer(tmp_path / "unpacked").labels == own.labels


def test_photos_are_compared_and_encoded_without_a_recognizer(facial, people):
    first, second = sorted(people.iterdir())
    one, other = sorted(first.iterdir())[:2]
    assert facial.verify(one, other).same_person
    different = facial.verify(one, min(second.iterdir()))
    assert not different.same_person and different.confidence < 0.5
    assert [len(encoding) for encoding in facial.encode(one)] == [128]
    with pytest.raises(ServiceError, match="not a picture") as refused:
        facial.verify(one, b"no picture")
    assert (refused.value.status, refused.value.code) == (422, "image_rejected")


def test_what_is_no_recognizer_says_so(tmp_path):
    (tmp_path / "text.onnx").write_text("no model")
    with pytest.raises(ValueError, match="is no recognizer"):
        Recognizer(tmp_path / "text.onnx")
    with zipfile.ZipFile(tmp_path / "empty.zip", "w"):
        pass
    with pytest.raises(ValueError, match="is no recognizer"):
        Recognizer(tmp_path / "empty.zip")
    with pytest.raises(FileNotFoundError):
        Recognizer(tmp_path / "nowhere.zip")


def test_the_same_with_await(service, people):
    async def go() -> list[str]:
        async with AsyncFacial(f"http://127.0.0.1:{service.port}") as facial:
            assert await facial.is_alive()
            made = await facial.build(people)
            await made.wait(timeout=300)
            photos = [min(person.iterdir()) for person in sorted(people.iterdir())]
            found = await asyncio.gather(*(made.recognize(photo) for photo in photos))
            await made.delete()
            return [name for photo in found for name in photo.people]

    assert asyncio.run(go()) == sorted(person.name for person in people.iterdir())


def test_a_client_made_of_the_description_does_the_same(service, recognizer, people, gallery, tmp_path):
    folders = sorted(people.iterdir())
    names = [folder.name for folder in folders]
    with generated_client(service, tmp_path) as generated:
        ask, models, file = generated.ask, generated.models, generated.file
        assert ask("is_alive").status == 0
        pictures = [file(view, f"{folder.name}/{view.name}") for folder in folders for view in folder.iterdir()]
        body = models.BuildParts(images=pictures, name="Looked at", dry_run=True)
        made = ask("create_recognizer", body=body)
        assert isinstance(made, models.AcceptedRecognizer) and (made.name, made.version) == ("Looked at", 1)
        wait_for(lambda: ask("is_available", id=made.id).state == "examined", "the dry run")
        assert {image.label for image in ask("list_images", made.id).images} == set(names)
        assert {made.id, recognizer.id} <= {known.id for known in ask("list_recognizers").recognizers}
        assert generated.status("delete_recognizer", made.id) == 204
        gone = ask("show_recognizer", made.id)
        assert isinstance(gone, models.Problem) and (gone.status, gone.code) == (410, "erased")

        known = ask("show_recognizer", recognizer.id)
        assert {person.label: person.faces for person in known.people} == dict.fromkeys(names, 4)
        photo = sorted((gallery / names[0]).iterdir())[5]
        (seen,) = ask("recognize_photos", recognizer.id, body=models.Photos(image=[file(photo)])).images
        assert [face.person for face in seen.faces] == [names[0]]
        both = models.TwoPhotos(image=[file(photo), file(min(folders[0].iterdir()))])
        assert ask("verify", body=both).same_person
        (encoded,) = ask("encode", body=models.Photos(image=[file(photo)])).images
        assert [len(face.encoding) for face in encoded.faces] == [128]
        in_json = b64encode(photo.read_bytes()).decode()
        assert ask("verify", body=models.TwoPhotosInJson(image=[in_json, in_json])).same_person
        (same,) = ask("encode", body=models.PhotosInJson(image=in_json)).images
        assert same.faces == encoded.faces


def test_refusals_are_sentences(facial, tmp_path):
    with pytest.raises(ServiceError, match="None of the 2 files") as refused:
        facial.build({"Ada": [b"no picture", b"nor this"]})
    assert refused.value.status == 422
    with pytest.raises(ValueError, match="There is no file"):
        facial.build(tmp_path)
    with pytest.raises(TypeError, match="A photo is"):
        facial.build({"Ada": [np.zeros((4, 4))]})


def test_nobody_who_listens_is_told_as_such():
    with Facial("http://127.0.0.1:9") as nobody:
        assert not nobody.is_alive()
        with pytest.raises(httpx.ConnectError):
            nobody.recognizers()
