"""Pictures that a build keeps: bare before what came of them is recorded, and no others."""

import hashlib
import io
import uuid

import numpy as np
import pytest
from PIL import Image

from features import store
from features.store import ImageFeatures, Shelf
from jobs.table import builds, tasks
from jobs.table.admission import Admission
from jobs.table.build_options import BuildOptions
from jobs.table.builds import Upload
from jobs.table.tables import DEFAULT_TENANT, TaskKind
from jobs.work import encoding
from jobs.work.encoding import encode_claim
from jobs.work.kept_pictures import write_bare
from jobs.work.tidying import tidy_build
from preprocessor.decoding import Photo
from preprocessor.version import pipeline_version

PLANTED = b"PLANTED-BY-A-TEST"


def picture(form: str = "JPEG") -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    exif.get_ifd(0x8825)[1] = PLANTED.decode()
    buffer = io.BytesIO()
    noise = np.random.default_rng(len(form)).integers(0, 256, (50, 40, 3), dtype=np.uint8)
    Image.fromarray(noise).save(buffer, form, exif=exif)
    return buffer.getvalue()


@pytest.fixture
def sent(workplace) -> list[bytes]:
    """What was accepted to be kept: pictures without a face, and a file that is none."""
    contents = [picture("JPEG"), picture("TIFF"), b"no picture " + PLANTED]
    uploads = []
    for number, content in enumerate(contents):
        path = workplace.storage.incoming / uuid.uuid4().hex
        path.write_bytes(content)
        uploads.append(Upload(f"{number}", None, hashlib.sha256(content).hexdigest(), path))
    known = {upload.content_hash: ImageFeatures(40, 50, ()) for upload in uploads[:2]}
    with workplace.database.write() as connection:
        store.put(connection, Shelf(DEFAULT_TENANT, pipeline_version(workplace.settings)), known)
    builds.submit(workplace.database, workplace.storage, uploads, BuildOptions(keep_images=True), Admission(1))
    return contents


def kept(workplace) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in workplace.storage.images.glob("*/1/*")}


def test_they_are_bare_and_what_is_no_picture_is_not_kept(sent, workplace):
    encode_claim(workplace, tasks.claim(workplace.database, TaskKind.ENCODE, "encode-0:a"))
    found = kept(workplace)
    assert sorted(found) == ["0", "1"]
    assert PLANTED not in b"".join(found.values())
    for name, content in found.items():
        assert np.array_equal(Photo(content).pixels(), Photo(sent[int(name)]).pixels())


class Killed(BaseException):
    """Where a process is killed."""


@pytest.mark.parametrize("step", ["_record", "take_bare"])
def test_broken_off_they_are_what_was_sent_while_they_wait_and_bare_in_the_end(sent, workplace, monkeypatch, step):
    claim = tasks.claim(workplace.database, TaskKind.ENCODE, "encode-0:a")

    def killed(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(encoding, step, killed)
        with pytest.raises(Killed):
            encode_claim(workplace, claim)
    found = kept(workplace)
    assert [found[str(number)] for number in range(3)] == sent, "a backup of this moment has what its rows say"
    tasks.release(workplace.database, "encode-0", tasks.Ending.INTERRUPTED)
    while claim := tasks.claim(workplace.database, TaskKind.ENCODE, "encode-0:a"):
        encode_claim(workplace, claim)
    training = tasks.claim(workplace.database, TaskKind.TRAIN, "train-0:a")
    tasks.fail(workplace.database, training, "It broke.", final=True)
    tidy_build(workplace.database, workplace.storage, training.build)
    assert sorted(kept(workplace)) == ["0", "1"]
    assert PLANTED not in b"".join(kept(workplace).values())


def test_what_a_crash_left_of_others_is_deleted_when_the_build_ends(sent, workplace):
    encode_claim(workplace, tasks.claim(workplace.database, TaskKind.ENCODE, "encode-0:a"))
    folder = next(workplace.storage.images.glob("*/1"))
    (folder / "2").write_bytes(sent[2])  # recorded, and killed before it was deleted
    (folder / "7").write_bytes(b"a video whose frames stand in its place")
    training = tasks.claim(workplace.database, TaskKind.TRAIN, "train-0:a")
    tasks.fail(workplace.database, training, "It broke.", final=True)
    tidy_build(workplace.database, workplace.storage, training.build)
    assert sorted(kept(workplace)) == ["0", "1"]


def test_what_was_deleted_meanwhile_is_not_written_again(workplace, tmp_path):
    assert write_bare(tmp_path / "gone" / "0")
    assert not (tmp_path / "gone").exists()
