"""Files that several nodes share: the nodes here are two data folders on one database."""

import hashlib
import io
import os
import shutil
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app import create_app
from constants.exceptions import BundleInvalid, Conflict, InvalidSettings, NotFound, NothingUsable
from constants.settings import Settings
from jobs.files.object_store import open_store
from jobs.files.storage import Storage
from jobs.machine_faults import is_machine_fault
from jobs.table import builds, contents, nodes, tasks
from jobs.table.admission import Admission
from jobs.table.build_options import BuildOptions
from jobs.table.builds import Upload
from jobs.table.objects import written_down
from jobs.table.tables import BuildState, FileState, TaskKind
from jobs.table.tasks import Ended
from jobs.versions import erasing, erasures, growing, retrying
from jobs.versions.erasures import ErasureState
from jobs.work.runner import run
from jobs.work.tidying import sweep, tidy, tidy_build, tidy_objects
from jobs.workplace import Workplace
from modelization.bundle.bundle_parts import NETWORKS, OWN, Piece, header, open_whole
from test.cluster.stores import Bucket, Folder
from test.jobs.planted import Planted, plant, publish
from test.portraits import first_of_each
from test.service.running import running, wait_for

pytestmark = pytest.mark.thorough

ROOT = Path(__file__).parents[2]
PEOPLE = ("Ada-of-the-test", "Ben-of-the-test")

Place = Folder | Bucket


@pytest.fixture
def bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    """An empty bucket, which this process and those that it starts know how to reach."""
    made = Bucket(tmp_path / "moto.log")
    for name, value in made.environment.items():
        monkeypatch.setenv(name, value)
    yield made
    made.close()


@pytest.fixture(params=["folder", "bucket"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """Where the nodes keep files."""
    made: Place = request.getfixturevalue("bucket") if request.param == "bucket" else Folder(tmp_path / "shared")
    open_store(made.url).check()
    return made


@pytest.fixture
def node(tmp_path: Path, graphs: Path, place: Place) -> Iterator[Callable[[str], Workplace]]:
    """Makes a node of that name."""
    made = []

    def make(name: str) -> Workplace:
        data_dir = tmp_path / name
        data_dir.mkdir(mode=0o700)
        (data_dir / "graphs").symlink_to(graphs)
        tables = f"sqlite:///{tmp_path}/tables.sqlite"
        workplace = Workplace.of(Settings(data_dir=data_dir, database_url=tables, storage_url=place.url))
        made.append(workplace)
        return workplace

    yield make
    for workplace in made:
        workplace.database.close()


def publish_in_two_files(workplace: Workplace, networks: bytes = b"networks" * 1000) -> str:
    """End the training that waits with a bundle in two files, of which the second is everybody's; gives its content's
    SHA-256."""
    claim = tasks.claim(workplace.database, TaskKind.TRAIN, "inline:0")
    with workplace.database.read() as connection:
        build = builds.build_numbered(connection, claim.build)
    path = workplace.storage.begin_bundle(build.recognizer_id, build.version, claim.token).with_suffix(OWN)
    sha256 = hashlib.sha256(networks).hexdigest()
    path.write_bytes(header(sha256, [Piece(3, 0, len(networks))]) + b"own")
    path.with_name(f"{path.stem}.{sha256}{NETWORKS}").write_bytes(networks)
    whole = hashlib.sha256(b"own" + networks).hexdigest()
    workplace.storage.shared.put_bundle(path)
    with workplace.database.write() as connection:
        assert tasks.finish_training(connection, claim, Ended(BuildState.READY, "", path.name, None, whole))
    return whole


def whole_content(path: Path) -> bytes:
    with open_whole(path) as bundle:
        return bundle.read()


def state(workplace: Workplace, recognizer: str) -> ErasureState:
    return erasures.of_recognizer(workplace.database, recognizer)[-1].state


def test_what_is_put_is_there_until_it_is_deleted(place, tmp_path):
    store = open_store(place.url)
    sent, got = tmp_path / "sent", tmp_path / "got"
    sent.write_bytes(content := os.urandom((20 << 20) + 1))
    for name in ("a/1", "a/b/2", "ab/3"):
        store.put(sent, name)
    sent.write_bytes(b"")
    store.put(sent, "a/empty")
    store.get("a/b/2", got)
    assert got.read_bytes() == content
    store.get("a/empty", got)
    assert got.read_bytes() == b""
    assert sorted(store.names("a/")) == ["a/1", "a/b/2", "a/empty"]
    assert (store.names("a/1"), store.names("nothing/"), store.names("a/2")) == (["a/1"], [], [])
    store.delete(["a/1", "a/empty", "a/never"])
    store.delete([])
    assert set(place.contents()) == {"a/b/2", "ab/3"}
    with pytest.raises(FileNotFoundError):
        store.get("a/1", got)
    with pytest.raises(FileNotFoundError):
        store.put(tmp_path / "no file", "a/1")


def test_a_place_that_is_away_is_the_machines_fault_and_loses_nothing(place, tmp_path):
    store, file = open_store(place.url), tmp_path / "file"
    file.write_bytes(b"content")
    place.go_away()
    try:
        for use in (
            lambda: store.put(file, "a/1"),
            lambda: store.get("a/1", file),
            lambda: store.names("a/"),
            lambda: store.delete(["a/1"]),
        ):
            with pytest.raises(OSError, match="of FACIAL_STORAGE_URL cannot be used now") as raised:
                use()
            assert is_machine_fault(raised.value)
        with pytest.raises(InvalidSettings, match="of FACIAL_STORAGE_URL cannot be used: "):
            store.check()
    finally:
        place.come_back()
    assert file.read_bytes() == b"content"
    store.check()
    store.put(file, "a/1")
    assert place.contents() == {"a/1": b"content"}


def test_a_bucket_or_folder_that_is_missing_is_no_recognizer_that_was_deleted(place, tmp_path):
    missing = open_store(f"{place.url}/missing" if place.url.startswith("file") else "s3://nobodys-bucket/x")
    with pytest.raises(InvalidSettings, match="Make it"):
        missing.check()
    for use in (lambda: missing.get("a", tmp_path / "a"), lambda: missing.names("a/")):
        with pytest.raises(OSError, match="cannot be used now") as raised:
            use()
        assert is_machine_fault(raised.value)


@pytest.mark.parametrize("url", ["s3://", "s3:bucket", "file://", "file://host/folder", "/folder", "gs://bucket"])
def test_a_url_of_another_kind_is_refused_with_those_that_are_taken(url):
    with pytest.raises(InvalidSettings, match="neither s3://bucket/prefix nor file:///folder"):
        open_store(url)


def test_a_bundle_made_by_one_node_is_downloaded_from_another(node, place):
    here, there = node("here"), node("there")
    planted = plant(here, PEOPLE, ready=False)
    publish_in_two_files(here)
    second = plant(here, PEOPLE, seed=1, ready=False)
    publish_in_two_files(here)
    assert len([name for name in place.contents() if name.startswith("networks/")]) == 1, "once for all"
    found = [builds.bundle(at.database, at.storage, planted.recognizer_id) for at in (here, there)]
    assert found[0] != found[1]
    assert whole_content(found[0]) == whole_content(found[1])
    builds.bundle(there.database, there.storage, second.recognizer_id)
    (networks,) = {path.stat().st_ino for path in there.storage.bundles.glob(f"*/*{NETWORKS}")}
    assert networks, "once on the disk, too"
    assert not any(there.storage.arriving.iterdir())


def test_any_node_answers_for_any_recognizer_and_503_while_it_cannot(node, place):
    here, there = node("here"), node("there")
    planted = plant(here, PEOPLE, ready=False)
    publish_in_two_files(here)
    app = create_app(there.settings)
    try:
        client, path = app.test_client(), f"/download_recognizer?id={planted.recognizer_id}&format=bundle"
        place.go_away()
        try:
            refused = client.get(path)
            assert (refused.status_code, refused.json["error"]["code"]) == (503, "unavailable")
        finally:
            place.come_back()
        tidy_objects(here.database, here.storage)  # a bucket that came back here has lost what it had
        answer = client.get(path)
        assert answer.status_code == 200
        assert answer.data == whole_content(builds.bundle(here.database, here.storage, planted.recognizer_id))
    finally:
        app.extensions["service"].close()


def test_what_is_damaged_on_the_way_is_not_used(node, place):
    here, there = node("here"), node("there")
    planted = plant(here, PEOPLE)
    (name,) = place.contents()
    place.damage(name)
    with pytest.raises(BundleInvalid, match="damaged where all nodes keep it"):
        builds.bundle(there.database, there.storage, planted.recognizer_id)
    assert not any(there.storage.bundles.iterdir()) and not any(there.storage.arriving.iterdir())
    here.storage.shared.store.delete([name])
    with pytest.raises(NotFound, match="gone"):
        builds.bundle(there.database, there.storage, planted.recognizer_id)
    tidy_objects(here.database, here.storage)
    assert builds.bundle(there.database, there.storage, planted.recognizer_id).is_file()


def test_erasing_leaves_no_object_and_no_copy(node, place):
    here, there = node("here"), node("there")
    planted = plant(here, PEOPLE)
    copy = builds.bundle(there.database, there.storage, planted.recognizer_id)
    erasing.erase(there.database, there.storage, planted.recognizer_id)
    assert state(there, planted.recognizer_id) == ErasureState.DONE
    assert place.contents() == {} and not copy.exists()
    tidy(here.database, here.storage)
    assert not any(here.storage.bundles.iterdir())


def test_an_erasure_waits_for_the_place_and_for_what_is_just_arriving(node, place):
    here = node("here")
    planted = plant(here, PEOPLE)
    place.go_away()
    try:
        erasing.erase(here.database, here.storage, planted.recognizer_id)
        assert state(here, planted.recognizer_id) == ErasureState.PENDING
    finally:
        place.come_back()
    with here.storage.arrival(planted.recognizer_id):
        sweep(here.database, here.storage)
        assert state(here, planted.recognizer_id) == ErasureState.PENDING
    sweep(here.database, here.storage)
    assert state(here, planted.recognizer_id) == ErasureState.DONE
    assert place.contents() == {}


def test_objects_of_nobody_are_swept_and_those_of_claims_that_are_held_are_not(node, place):
    here = node("here")
    planted: Planted = plant(here, PEOPLE, ready=False)
    claim = tasks.claim(here.database, TaskKind.TRAIN, "inline:0")
    path = here.storage.begin_bundle(planted.recognizer_id, 1, claim.token)
    path.write_bytes(b"written")
    here.storage.shared.put_bundle(path)
    tidy_objects(here.database, here.storage)
    assert len(place.contents()) == 1
    tasks.release(here.database, "inline", tasks.Ending.INTERRUPTED)
    tidy_objects(here.database, here.storage)
    assert place.contents() == {}
    publish(here, planted)
    tidy_objects(here.database, here.storage)
    assert len(place.contents()) == 1


def send(workplace: Workplace, name: str, content: bytes, label: str | None = None) -> Upload:
    """A picture as a request has it once it has arrived."""
    folder = workplace.storage.incoming / "a-request"
    folder.mkdir(exist_ok=True)
    path = folder / uuid.uuid4().hex
    path.write_bytes(content)
    return Upload(name, label, hashlib.sha256(content).hexdigest(), path)


def accept(workplace: Workplace, contents: dict[str, bytes], **options: object) -> str:
    uploads = [send(workplace, name, content) for name, content in contents.items()]
    return builds.submit(workplace.database, workplace.storage, uploads, BuildOptions(**options), Admission(9))


def encode(workplace: Workplace) -> None:
    """Encode all that waits, on this node."""
    while claim := tasks.claim(workplace.database, TaskKind.ENCODE, "encode-0:a"):
        assert run(workplace, claim)


def announced(workplace: Workplace) -> set[str]:
    with workplace.database.read() as connection:
        return written_down(connection)


def test_pictures_are_encoded_by_another_node_than_was_sent_them(node, place, astronaut_jpeg):
    here, there = node("here"), node("there")
    recognizer = accept(here, {"1.jpg": astronaut_jpeg, "2.jpg": astronaut_jpeg + b"\0"})
    assert set(place.contents()) == {f"images/{recognizer}/1/{position}" for position in (0, 1)}
    assert place.contents()[f"images/{recognizer}/1/0"] == astronaut_jpeg
    assert announced(here) == set()
    encode(there)
    assert place.contents() == {}, "what is encoded is not kept"
    images = contents.images(here.database, recognizer)
    assert all(image.state == FileState.ENCODED and image.faces for image in images)
    assert not any(there.storage.image_folder(recognizer, 1).iterdir())


def test_kept_pictures_are_bare_and_thumbnails_seen_everywhere_until_they_are_erased(node, place):
    here, there = node("here"), node("there")
    planted = plant(here, PEOPLE, ready=False, keep_images=True, keep_thumbnails="recognizer", encodes=there)
    publish(there, planted)
    tidy_build(there.database, there.storage, 1)
    tidy(here.database, here.storage)
    names = {name.partition(f"{planted.recognizer_id}/1/")[2] for name in place.contents() if name.startswith("images")}
    assert names == {f"{number}.bare" for number in range(4)} | {f"{number}.0.thumb" for number in range(4)}
    assert not [content for content in place.contents().values() if b"GPS" in content]
    assert not here.storage.has_copies(planted.recognizer_id, 1), "nor here, as they were sent"
    assert contents.thumbnails(here.database, here.storage, planted.recognizer_id) == {(n, 0) for n in range(4)}
    seen = [contents.thumbnail(at.database, at.storage, planted.recognizer_id, None, (1, 0)) for at in (here, there)]
    assert seen[0] == seen[1] and seen[0].startswith(b"\xff\xd8"), "decrypted everywhere"
    assert not [name for name, content in place.contents().items() if name.endswith("thumb") and seen[0] in content]
    tidy_objects(here.database, here.storage)
    assert len(place.contents()) == 9
    erasing.erase(here.database, here.storage, planted.recognizer_id)
    assert state(here, planted.recognizer_id) == ErasureState.DONE
    assert place.contents() == {}
    for at in (here, there):
        tidy(at.database, at.storage)
        sweep(at.database, at.storage)
    assert planted.left(here.settings.data_dir, there.settings.data_dir) == []


def test_a_request_is_refused_while_pictures_cannot_be_put_and_nothing_of_it_stays(node, place, astronaut_jpeg):
    here = node("here")
    app = create_app(here.settings)
    try:
        client = app.test_client()
        place.go_away()
        try:
            form = {"images": [(io.BytesIO(astronaut_jpeg), "Ada/1.jpg"), (io.BytesIO(astronaut_jpeg), "Ben/1.jpg")]}
            refused = client.post("/build_recognizer", data=form)
        finally:
            place.come_back()
        assert (refused.status_code, refused.json["error"]["code"]) == (503, "unavailable")
        assert refused.headers["Retry-After"]
        assert client.get("/v1/recognizers").json["recognizers"] == []
    finally:
        app.extensions["service"].close()
    assert len(announced(here)) == 1, "some may have been put"
    sweep(here.database, here.storage)
    assert announced(here) == set() and place.contents() == {}
    assert not any(here.storage.images.iterdir()) and not any(here.storage.incoming.iterdir())


KILLED = """
import os, signal, sys
from pathlib import Path
from constants.settings import load_settings
from jobs.files.held_folder import held_folder
from jobs.table import objects
from jobs.workplace import Workplace

here = Workplace.of(load_settings())
with held_folder(here.storage.incoming) as folder:
    (folder / "picture").write_bytes(b"a picture")
    with objects.put_ahead(here.database, here.storage, {0: folder / "picture"}, "f" * 32, 1):
        os.kill(os.getpid(), signal.SIGKILL)
"""


def test_pictures_of_a_request_that_was_killed_are_swept_by_its_node_alone(node, place):
    here, there = node("here"), node("there")
    settings = {name: getattr(here.settings, name) for name in ("data_dir", "database_url", "storage_url")}
    environment = os.environ | {f"FACIAL_{name.upper()}": str(value) for name, value in settings.items()}
    killed = subprocess.run([sys.executable, "-c", KILLED], cwd=ROOT, env=environment, check=False)
    assert killed.returncode == -signal.SIGKILL
    tidy_objects(there.database, there.storage)
    sweep(there.database, there.storage)
    assert set(place.contents()) == {f"images/{'f' * 32}/1/0"}, "another node cannot know"
    sweep(here.database, here.storage)
    assert place.contents() == {} and announced(here) == set()


def test_what_one_node_was_sent_grows_by_another_and_is_tried_again_by_any(node, place):
    here, there = node("here"), node("there")
    planted = plant(here, PEOPLE)
    with pytest.raises(NothingUsable):
        growing.grow(there.database, there.storage, planted.recognizer_id, [], Admission(9))
    broken = send(there, "new.jpg", b"no picture", PEOPLE[0])
    assert growing.grow(there.database, there.storage, planted.recognizer_id, [broken], Admission(9)) == 2
    new = f"images/{planted.recognizer_id}/2/4"
    assert place.contents()[new] == b"no picture"
    claim = tasks.claim(here.database, TaskKind.ENCODE, "encode-0:a")
    tasks.fail(here.database, claim, "It was given up.", final=True)
    publish(here, planted)
    tidy_build(here.database, here.storage, claim.build)
    tidy_objects(here.database, here.storage)
    assert new in place.contents(), "what was given up may be tried again"
    assert retrying.retry(here.database, here.storage, planted.recognizer_id) == 3
    assert [name for name in place.contents() if "images" in name] == [new.replace("/2/", "/3/")]
    assert announced(here) == set()
    with pytest.raises(Conflict):
        growing.grow(here.database, here.storage, planted.recognizer_id, [broken], Admission(9))


def test_a_picture_that_is_damaged_on_the_way_is_given_up_and_the_others_are_not(node, place, astronaut_jpeg):
    here, there = node("here"), node("there")
    recognizer = accept(here, {"1.jpg": astronaut_jpeg, "2.jpg": astronaut_jpeg + b"\0"})
    place.damage(f"images/{recognizer}/1/1")
    encode(there)
    images = contents.images(there.database, recognizer)
    assert [(image.state, image.reason) for image in images] == [("encoded", None), ("rejected", "UNPROCESSABLE")]


def test_a_service_is_not_started_without_the_bucket_that_it_is_to_use(tmp_path, bucket):
    environment = os.environ | {"FACIAL_DATA_DIR": str(tmp_path / "data"), "FACIAL_STORAGE_URL": "s3://nobodys-bucket"}
    command = [sys.executable, "run.py", "prepare"]
    ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert "The bucket 'nobodys-bucket' of FACIAL_STORAGE_URL cannot be used" in ended.stderr
    assert "Make it, or name another one" in ended.stderr and "Traceback" not in ended.stderr


def test_what_was_trained_waits_for_the_bucket_and_is_published(tmp_path, bucket, gallery):
    pictures, log = first_of_each(gallery, people=2, pictures=2), tmp_path / "log"
    settings = {"FACIAL_STORAGE_URL": bucket.url, "FACIAL_ENCODE_WORKERS": "1"}
    with running(tmp_path / "data", log, **settings) as service:
        status, accepted = service.post("/build_recognizer", "images", pictures)
        assert status == 202
        bucket.go_away()
        try:
            wait_for(lambda: "waits to be published" in log.read_text(), "the training to find no bucket")
            assert service.get(f"/is_available?id={accepted['id']}")[1]["state"] == "training"
        finally:
            bucket.come_back()
        assert service.wait_until_built(accepted["id"])["available"] == 1
        assert log.read_text().count("trained") and "broken off" not in log.read_text()
        whole = service.get(f"/download_recognizer?id={accepted['id']}&format=bundle")[1]
        shutil.rmtree(tmp_path / "data" / "bundles" / accepted["id"])  # as on a node that has never had it
        photo = [("photo.jpg", pictures[0][1])]
        status, seen = service.post(f"/recognize?id={accepted['id']}", "image", photo)
        assert (status, seen["images"][0]["faces"][0]["person"]) == (200, pictures[0][0].split("/")[0])
        assert service.get(f"/download_recognizer?id={accepted['id']}&format=bundle") == (200, whole)
        assert service.delete(f"/v1/recognizers/{accepted['id']}")[0] == 204
        (networks,) = bucket.contents()
        assert networks.startswith("networks/"), "all that is left is nobody's"
        assert service.get(f"/v1/recognizers/{accepted['id']}/erasures")[1]["erasures"][0]["erasure"] == "done"


def test_what_was_made_before_there_was_such_a_place_is_brought_there(node, place, astronaut_jpeg):
    here, there = node("here"), node("there")
    alone = Workplace(here.settings, here.database, Storage(here.settings.data_dir))
    planted = plant(alone, PEOPLE, keep_images=True, keep_thumbnails="recognizer")
    waiting = accept(alone, {"1.jpg": astronaut_jpeg, "2.jpg": astronaut_jpeg + b"\0"})
    for _ in range(2):
        tidy(here.database, here.storage)
        tidy_objects(here.database, here.storage)
        assert len(place.contents()) == 1 + 4 + 4 + 2
    assert builds.bundle(there.database, there.storage, planted.recognizer_id).is_file()
    thumbnail = contents.thumbnail(there.database, there.storage, planted.recognizer_id, None, (1, 0))
    assert thumbnail.startswith(b"\xff\xd8")
    assert [content for name, content in place.contents().items() if name.endswith("/0.bare")]
    encode(there)
    assert all(image.state == FileState.ENCODED for image in contents.images(here.database, waiting))


def test_nodes_on_one_postgresql_do_each_others_work_once_their_files_are_shared(
    tmp_path, graphs, place, database_url, astronaut_jpeg
):
    def node(name: str, **more: str) -> Workplace:
        (tmp_path / name).mkdir(mode=0o700, exist_ok=True)
        if not (tmp_path / name / "graphs").exists():
            (tmp_path / name / "graphs").symlink_to(graphs)
        return Workplace.of(Settings(data_dir=tmp_path / name, database_url=database_url, **more))

    alone, here, there = node("here"), node("here", storage_url=place.url), node("there", storage_url=place.url)
    try:
        assert alone.home and here.home is None and there.node != here.node == alone.node
        own = builds.submit(
            alone.database,
            alone.storage,
            [send(alone, "1.jpg", astronaut_jpeg)],
            BuildOptions(),
            Admission(9, node=alone.home),
        )
        assert tasks.claim(there.database, TaskKind.ENCODE, "encode-0:a", node=there.node) is None
        tidy_objects(here.database, here.storage)
        accepted = accept(here, {"2.jpg": astronaut_jpeg + b"\0"})
        while claim := tasks.claim(there.database, TaskKind.ENCODE, "encode-0:a", node=there.node):
            assert run(there, claim)
        for recognizer in (own, accepted):
            assert [image.state for image in contents.images(here.database, recognizer)] == [FileState.ENCODED]
        for workplace in (here, there):
            nodes.beat(workplace.database, workplace.node, "host")
        erasing.erase(there.database, there.storage, own)
        sweep(there.database, there.storage)
        assert state(there, own) == ErasureState.PENDING, "the other node may have copies"
        assert here.storage.has_copies(own, 1)
        sweep(here.database, here.storage)
        assert not here.storage.has_copies(own, 1)
        assert state(there, own) == ErasureState.DONE
    finally:
        for workplace in (alone, here, there):
            workplace.database.close()
