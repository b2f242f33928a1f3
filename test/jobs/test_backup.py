"""Backups: of one moment whatever goes on meanwhile, restored whole or not at all."""

import hashlib
import io
import itertools
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tarfile
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from constants.exceptions import BackupInvalid, Conflict, FacialError, InvalidRequest, InvalidSettings, OtherRelease
from constants.settings import DATABASE_FILE, Settings
from features import store
from features.database import Database
from features.store import ImageFeatures, Shelf
from jobs.commands.back_up import back_up
from jobs.commands.backup_archive import Member
from jobs.commands.backup_contents import incomplete, opened
from jobs.commands.restore import restore
from jobs.files.linking import link_or_copy
from jobs.processes.preparing import prepare
from jobs.snapshot import snapshot, sweep_snapshot
from jobs.table import builds, tasks
from jobs.table.admission import Admission
from jobs.table.build_options import BuildOptions
from jobs.table.builds import Upload
from jobs.table.tables import DEFAULT_TENANT, BuildState, TaskKind
from jobs.table.tasks import Ended
from jobs.versions import erasing
from jobs.work.encoding import encode_claim
from jobs.work.tidying import tidy_build
from jobs.workplace import Workplace
from modelization.bundle.bundle_file import search_file
from modelization.bundle.bundle_parts import NETWORKS, OWN, Piece, header, networks_of, open_whole
from preprocessor.version import pipeline_version
from test.conftest import jpeg

ROOT = Path(__file__).parents[2]
OLD = ROOT / "test" / "data" / "release_0_9_0"
#: Pictures of a build that takes long enough to be backed up that a test can kill the backup meanwhile.
MANY = 3000

#: What the bundles of all builds have in common.
COMMON = b"networks" * 1000


def submit(workplace: Workplace, pictures: int = 3, **options: object) -> str:
    """Accept pictures of no face, each known to the store of encodings, so that encoding them takes no detector."""
    uploads = []
    for number in range(pictures):
        path = workplace.storage.incoming / uuid.uuid4().hex
        content = jpeg(np.frombuffer(os.urandom(4800), np.uint8).reshape(40, 40, 3))
        path.write_bytes(content)
        uploads.append(Upload(f"{number}.jpg", f"person {number % 2}", hashlib.sha256(content).hexdigest(), path))
    known = {upload.content_hash: ImageFeatures(40, 40, ()) for upload in uploads}
    with workplace.database.write() as connection:
        store.put(connection, Shelf(DEFAULT_TENANT, pipeline_version(workplace.settings)), known)
    return builds.submit(workplace.database, workplace.storage, uploads, BuildOptions(**options), Admission(10_000))


def encode(workplace: Workplace) -> bool:
    """Encode one batch of whatever waits; whether there was any."""
    claim = tasks.claim(workplace.database, TaskKind.ENCODE, "encode-0:a")
    if claim is not None:
        encode_claim(workplace, claim)
    return claim is not None


def train(workplace: Workplace) -> bool:
    """Publish a bundle, in the way of a training, of whatever is encoded; whether anything was."""
    claim = tasks.claim(workplace.database, TaskKind.TRAIN, "train-0:a")
    if claim is None:
        return False
    with workplace.database.read() as connection:
        build = builds.build_numbered(connection, claim.build)
    path = workplace.storage.begin_bundle(build.recognizer_id, build.version, claim.token)
    content, own = os.urandom(5000), path.with_suffix(OWN)
    sha256 = hashlib.sha256(COMMON).hexdigest()
    if alike := next(workplace.storage.networks_called(sha256), None):
        link_or_copy(alike, networks_of(own, sha256))
    else:
        networks_of(own, sha256).write_bytes(COMMON)
    own.write_bytes(header(sha256, [Piece(len(content), 0, len(COMMON))]) + content)
    ended = Ended(BuildState.READY, "1 person", own.name, None, hashlib.sha256(content + COMMON).hexdigest())
    with workplace.database.write() as connection:
        assert tasks.finish_training(connection, claim, ended)
    tidy_build(workplace.database, workplace.storage, claim.build)
    return True


@pytest.fixture
def states(workplace) -> dict[str, str]:
    """The ids of builds in all states."""
    ids = {"ready": submit(workplace), "kept": submit(workplace, keep_images=True)}
    while encode(workplace) or train(workplace):
        pass
    ids["searching"] = submit(workplace)
    while encode(workplace):
        pass
    claim = tasks.claim(workplace.database, TaskKind.TRAIN, "train-0:a")
    search_file(workplace.storage.begin_bundle(ids["searching"], 1, claim.token)).write_text("{}")
    ids["encoding"] = submit(workplace, 12)
    assert encode(workplace)
    ids["queued"] = submit(workplace)
    return ids


@pytest.fixture
def backup(states, workplace, tmp_path) -> Path:
    """A backup of builds in all states."""
    back_up_of(workplace.settings.data_dir, tmp_path / "backup.tar")
    return tmp_path / "backup.tar"


@pytest.fixture
def target(workplace, tmp_path, monkeypatch) -> Path:
    """Where the environment says that a backup is restored into: a folder that is not there."""
    monkeypatch.setenv("FACIAL_DATA_DIR", str(tmp_path / "restored" / "data"))
    return tmp_path / "restored" / "data"


def back_up_of(data_dir: Path, archive: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FACIAL_DATA_DIR", str(data_dir))
        back_up(archive)


@contextmanager
def at(data_dir: Path) -> Iterator[Workplace]:
    """The workplace of a data folder."""
    made = Workplace.of(Settings(data_dir=data_dir))
    try:
        yield made
    finally:
        made.database.close()


def contents(data_dir: Path) -> dict[str, bytes]:
    """The files of a data folder that matter, none of them half-written or only begun, and all that its tables have."""
    with closing(sqlite3.connect(data_dir / DATABASE_FILE)) as database:
        tables = "\n".join(database.iterdump()).encode()
    found = [path for name in ("images", "bundles") for path in (data_dir / name).rglob("*")]
    kept = [path for path in found if path.is_file() and not path.name.startswith(".")]
    return {str(path.relative_to(data_dir)): path.read_bytes() for path in kept} | {"": tables}


def listing(folder: Path) -> set[str]:
    """Every file and folder under a folder; the names that SQLite gives to its own while it is open are passed over."""
    found = {str(path.relative_to(folder)) for path in folder.rglob("*")}
    return {name for name in found if not name.endswith(("-wal", "-shm"))}


def members(archive: Path) -> dict[str, bytes]:
    with tarfile.open(archive) as opened_archive:
        return {info.name: opened_archive.extractfile(info).read() for info in opened_archive}


def write(archive: Path, files: dict[str, bytes]) -> None:
    """An archive whose manifest is true to its files."""
    manifest = json.loads(files["manifest.json"])
    manifest["files"] = {
        name: {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        for name, content in files.items()
        if name != "manifest.json"
    }
    with tarfile.open(archive, "w") as made:
        for name, content in (files | {"manifest.json": json.dumps(manifest).encode()}).items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            made.addfile(info, io.BytesIO(content))


def refused(archive: Path, target: Path, sentence: str, kind: type[FacialError] = BackupInvalid) -> None:
    with pytest.raises(kind, match=sentence):
        restore(archive)
    assert not target.exists()
    target.mkdir(parents=True)
    with pytest.raises(kind, match=sentence):
        restore(archive)
    assert listing(target) <= {"lock"}


def run(*arguments: object, **environment: str) -> subprocess.Popen[str]:
    command = [sys.executable, str(ROOT / "run.py"), *map(str, arguments)]
    return subprocess.Popen(command, env=os.environ | environment, stderr=subprocess.PIPE, text=True)


def test_what_is_restored_is_what_was_there(states, workplace, backup, target):
    restore(backup)
    assert contents(target) == contents(workplace.settings.data_dir)
    with at(target) as restored:
        found = {name: builds.status(restored.database, recognizer) for name, recognizer in states.items()}
        assert {name: status.state for name, status in found.items()} == {
            "ready": BuildState.READY,
            "kept": BuildState.READY,
            "searching": BuildState.TRAINING,
            "encoding": BuildState.ENCODING,
            "queued": BuildState.QUEUED,
        }
        tasks.release_others(restored.database, "new")
        while encode(restored) or train(restored):
            pass
        assert {builds.status(restored.database, recognizer).state for recognizer in states.values()} == {"ready"}


def test_what_takes_its_room_once_does_so_again(states, backup, target):
    assert backup.read_bytes().count(COMMON) == 1
    restore(backup)
    (own, other) = target.glob(f"bundles/*/*{NETWORKS}")
    assert own.stat().st_ino == other.stat().st_ino
    with at(target) as restored:
        erasing.erase(restored.database, restored.storage, states["ready"])
        with open_whole(builds.bundle(restored.database, restored.storage, states["kept"])) as bundle:
            assert bundle.read().endswith(COMMON)


def test_nobody_else_can_read_any_of_it(backup, target):
    restore(backup)
    assert oct(backup.stat().st_mode & 0o777) == "0o600"
    modes = {oct(path.stat().st_mode & 0o777) for path in target.rglob("*") if path.is_dir()} | {
        oct(target.stat().st_mode & 0o777)
    }
    assert modes == {"0o700"}
    assert {oct(path.stat().st_mode & 0o777) for path in target.rglob("*") if path.is_file()} == {"0o600"}


def test_what_was_deleted_and_what_was_never_accepted_is_not_in_it(states, workplace, tmp_path):
    erased = [path.read_bytes() for path in (workplace.storage.images / states["queued"]).rglob("*") if path.is_file()]
    erasing.erase(workplace.database, workplace.storage, states["queued"])
    stray = workplace.storage.image(states["queued"], 1, 0)
    stray.parent.mkdir(parents=True)
    stray.write_bytes(erased[0])  # as after a crash in the midst of deleting
    (workplace.storage.incoming / "arriving").write_bytes(b"arriving")
    (workplace.storage.bundles / states["ready"] / ".1-x.zip.y.part").write_bytes(b"half-written")
    (workplace.storage.images / states["kept"] / "1" / ".DS_Store").write_bytes(b"clutter")
    back_up_of(workplace.settings.data_dir, tmp_path / "backup.tar")
    whole = (tmp_path / "backup.tar").read_bytes()
    assert len(erased) == 3
    assert not [content for content in (*erased, b"arriving", b"half-written", b"clutter") if content in whole]


@pytest.mark.thorough
def test_every_snapshot_is_of_one_moment(workplace):
    """Builds are accepted, encoded, published and erased all the while."""
    going, accepted, erased, failures = threading.Event(), [], set(), []
    going.set()

    def accept() -> None:
        if len(accepted) - len(erased) < 50:
            accepted.append(submit(workplace, 9))

    def erase() -> None:
        ready = [status.id for status in builds.listing(workplace.database) if status.state == BuildState.READY]
        for oldest in ready[10:]:
            erased.add(oldest)
            erasing.erase(workplace.database, workplace.storage, oldest)

    def go_on(work) -> None:
        try:
            while going.is_set():
                work()
        except BaseException as error:
            failures.append(error)
            raise

    works = (accept, accept, lambda: encode(workplace), lambda: encode(workplace), lambda: train(workplace), erase)
    threads = [threading.Thread(target=go_on, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    try:
        seen: set[str] = set()
        for _ in range(12):
            before = set(accepted) - erased
            with snapshot(workplace.database, workplace.storage) as folder, opened(folder) as copy:
                files = [path for path in folder.rglob("[0-9]*") if path.is_file()]
                present = {path.relative_to(folder).as_posix(): hashed(path) for path in files}
                assert incomplete(copy, folder, present) is None
                listed = builds.listing(copy)
            assert before - erased <= {status.id for status in listed}
            seen |= {status.state for status in listed}
        assert seen >= {BuildState.QUEUED, BuildState.ENCODING, BuildState.READY}
    finally:
        going.clear()
        for thread in threads:
            thread.join()
    assert not failures


def hashed(path: Path) -> Member:
    content = path.read_bytes()
    return Member(size=len(content), sha256=hashlib.sha256(content).hexdigest())


class CommittingDatabase(Database):
    """Another build is accepted when the files are linked, just before the tables are copied."""

    def __init__(self, url: str, workplace: Workplace) -> None:
        super().__init__(url)
        self._workplace = workplace

    def copy(self, connection, path) -> None:
        self.late = submit(self._workplace)
        super().copy(connection, path)


def test_what_is_committed_after_the_files_are_linked_is_not_in_the_tables(states, workplace):
    database = CommittingDatabase(workplace.settings.database, workplace)
    with snapshot(database, workplace.storage) as folder, opened(folder) as copy:
        assert {status.id for status in builds.listing(copy)} == set(states.values())
    assert builds.status(workplace.database, database.late).state == BuildState.QUEUED
    database.close()


def test_pictures_that_are_encoded_while_it_begins_are_not_in_it(states, workplace, monkeypatch):
    """They are linked before the right to write is held, and gone when it is."""
    write = workplace.database.write

    @contextmanager
    def encoding_first():
        monkeypatch.setattr(workplace.database, "write", write)
        while encode(workplace):
            pass
        with write() as connection:
            yield connection

    monkeypatch.setattr(workplace.database, "write", encoding_first)
    with snapshot(workplace.database, workplace.storage) as folder:
        pictures = [path.parts[-3] for path in folder.glob("images/*/*/*")]
    assert pictures == [states["kept"]] * 3


def test_where_there_are_no_links_files_are_copied(states, workplace, tmp_path, target, monkeypatch):
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    back_up_of(workplace.settings.data_dir, tmp_path / "backup.tar")
    restore(tmp_path / "backup.tar")
    assert contents(target) == contents(workplace.settings.data_dir)


def test_one_backup_at_a_time(states, workplace, tmp_path):
    with snapshot(workplace.database, workplace.storage) as folder:
        with pytest.raises(Conflict, match="Another backup"):
            back_up_of(workplace.settings.data_dir, tmp_path / "backup.tar")
        sweep_snapshot(workplace.settings.data_dir)
        assert (folder / DATABASE_FILE).exists(), "one that is being made is not swept"
    assert not list(tmp_path.glob("backup.tar*"))
    back_up_of(workplace.settings.data_dir, tmp_path / "backup.tar")


def test_an_older_backup_is_replaced_by_a_whole_one_alone(states, workplace, tmp_path, backup):
    before = backup.read_bytes()
    bundle = next(workplace.storage.bundles.glob(f"{states['ready']}/*{OWN}"))
    content = bundle.read_bytes()
    for damage in (lambda: bundle.write_bytes(content[:-1] + b"?"), bundle.unlink):
        damage()
        with pytest.raises(BackupInvalid, match=f"DELETE /v1/recognizers/{states['ready']}[?]version=1"):
            back_up_of(workplace.settings.data_dir, backup)
        assert backup.read_bytes() == before
    bundle.write_bytes(content)
    waiting = workplace.storage.image(states["queued"], 1, 0)
    waiting.unlink()
    with pytest.raises(BackupInvalid, match=states["queued"]):
        back_up_of(workplace.settings.data_dir, backup)
    assert sorted(path.name for path in tmp_path.glob("backup*")) == ["backup.tar"]


@pytest.fixture
def many(workplace) -> Path:
    """A data folder whose backup takes a while."""
    submit(workplace, MANY)
    return workplace.settings.data_dir


def stopped_at(process: subprocess.Popen[str], is_there) -> None:
    """Stop a process as soon as something is there."""
    until = time.monotonic() + 60
    while not is_there():
        assert process.poll() is None and time.monotonic() < until
    process.send_signal(signal.SIGSTOP)


@pytest.mark.thorough
def test_a_backup_that_is_killed_leaves_the_data_as_they_were(many, workplace, tmp_path):
    before, out = listing(many), tmp_path / "backup.tar"
    for begun in (many / "snapshot", tmp_path / "backup.tar.part"):
        process = run("backup", out, FACIAL_DATA_DIR=str(many))
        stopped_at(process, lambda begun=begun: begun.exists() and (begun.is_dir() or begun.stat().st_size))
        process.kill()
        process.communicate()
        own = {name for name in listing(many) if name.startswith("snapshot")}
        assert "snapshot" in own
        assert listing(many) - own == before
        assert not out.exists()
    back_up_of(many, out)
    assert listing(many) - {"snapshot.lock"} == before
    assert len(members(out)) == MANY + 2


@pytest.mark.thorough
def test_what_a_killed_backup_left_goes_when_the_service_starts(many, workplace, tmp_path):
    process = run("backup", tmp_path / "backup.tar", FACIAL_DATA_DIR=str(many))
    stopped_at(process, (many / "snapshot").exists)
    prepare(workplace.settings)
    assert (many / "snapshot").exists(), "the backup is still being made, for all that anybody can tell"
    process.kill()
    process.communicate()
    prepare(workplace.settings)
    assert not (many / "snapshot").exists()


@pytest.mark.thorough
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_backup_that_is_told_to_stop_leaves_nothing(many, tmp_path, number):
    before = listing(many)
    process = run("backup", tmp_path / "backup.tar", FACIAL_DATA_DIR=str(many))
    stopped_at(process, (many / "snapshot").exists)
    process.send_signal(number)
    process.send_signal(signal.SIGCONT)
    _, said = process.communicate()
    assert process.returncode == 128 + number
    assert "Traceback" not in said
    assert listing(many) - {"snapshot.lock"} == before
    assert not list(tmp_path.glob("backup*"))


@pytest.mark.thorough
def test_a_restore_that_is_killed_is_no_data_folder_until_it_is_repeated(many, tmp_path, target):
    before = contents(many)
    archive = tmp_path / "backup.tar"
    back_up_of(many, archive)
    process = run("restore", archive, FACIAL_DATA_DIR=str(target))
    stopped_at(process, (target / "restoring" / "images").exists)
    with pytest.raises(InvalidSettings, match="Another service uses"):
        restore(archive)
    process.kill()
    process.communicate()
    with pytest.raises(InvalidSettings, match="was broken off"):
        prepare(Settings(data_dir=target))
    restore(archive)
    assert contents(target) == before
    assert listing(target) >= {"lock", DATABASE_FILE} and not (target / "restoring").exists()


@pytest.mark.thorough
def test_a_restore_that_is_told_to_stop_leaves_nothing(many, tmp_path, target):
    archive = tmp_path / "backup.tar"
    back_up_of(many, archive)
    process = run("restore", archive, FACIAL_DATA_DIR=str(target))
    stopped_at(process, (target / "restoring" / "images").exists)
    process.terminate()
    process.send_signal(signal.SIGCONT)
    process.communicate()
    assert process.returncode == 128 + signal.SIGTERM
    assert not target.exists()


@pytest.mark.thorough
def test_a_full_disk_is_told_and_leaves_nothing(many, tmp_path, target):
    before, archive = listing(many), tmp_path / "backup.tar"
    back_up_of(many, archive)
    size = (many / DATABASE_FILE).stat().st_size
    for command, what, folder, most in (
        (f"backup {tmp_path / 'other.tar'}", "The backup", many, 2 * size),
        (f"restore {archive}", "The restore", target, size // 2),
    ):
        ended = subprocess.run(
            ["bash", "-c", f"ulimit -f {most // 1024}; exec {sys.executable} {ROOT / 'run.py'} {command}"],
            env=os.environ | {"FACIAL_DATA_DIR": str(folder)},
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        assert ended.returncode == 1
        assert ended.stderr.startswith(f"{what} was given up") and ended.stderr.count("\n") == 1
    assert listing(many) - {"snapshot.lock"} == before
    assert not list(tmp_path.glob("other.tar*")) and not target.exists()


def test_a_backup_that_was_cut_is_refused(backup, target):
    content = backup.read_bytes()
    with tarfile.open(backup) as archive:
        manifest = archive.getmembers()[-1]
    whole = manifest.offset_data + manifest.size
    for end in (*range(0, whole, whole // 20), manifest.offset, manifest.offset_data, whole - 1):
        backup.write_bytes(content[:end])
        refused(backup, target, "not a backup|not that of a backup|not what was written")
        shutil.rmtree(target)


def test_whatever_byte_is_changed_nothing_else_is_restored(backup, states, workplace, tmp_path, monkeypatch):
    content, right = backup.read_bytes(), contents(workplace.settings.data_dir)
    numbers = itertools.count()

    @given(place=st.integers(0, len(content) - 1), bit=st.integers(0, 7))
    def changed(place, bit):
        target = tmp_path / f"restored-{next(numbers)}"
        monkeypatch.setenv("FACIAL_DATA_DIR", str(target))
        damaged = bytearray(content)
        damaged[place] ^= 1 << bit
        backup.write_bytes(damaged)
        try:
            restore(backup)
        except BackupInvalid:
            assert not target.exists()
        else:  # a time, or what lies between the files
            assert contents(target) == right
            shutil.rmtree(target)

    changed()


def test_what_is_no_backup_is_refused(tmp_path, target, backup):
    files = members(backup)
    picture = next(name for name in files if name.startswith("images/"))
    archive = tmp_path / "other.tar"

    def with_member(name: str, **changes: object) -> None:
        with tarfile.open(archive, "w") as made:
            info = tarfile.TarInfo(name)
            info.size = 1
            for field, value in changes.items():
                setattr(info, field, value)
            made.addfile(info, io.BytesIO(b"x"))

    archive.write_text("text")
    refused(archive, target, "This is not a backup")
    shutil.rmtree(target)
    for name, changes in (
        ("../outside", {}),
        ("/tmp/outside", {}),
        ("images/../../outside", {}),
        (f"images/{'a' * 32}/1/../../../../outside", {}),
        (f"images/{'A' * 32}/1/0", {}),
        (f"bundles/{'a' * 32}/.1-x.zip.part", {}),
        ("graphs/encoder.onnx", {}),
        ("lock", {}),
        (picture, {"type": tarfile.SYMTYPE, "linkname": "/etc/passwd"}),
        (picture, {"type": tarfile.LNKTYPE, "linkname": DATABASE_FILE}),
        (picture, {"type": tarfile.DIRTYPE}),
        (picture, {"type": tarfile.CHRTYPE}),
        (picture, {"type": tarfile.FIFOTYPE}),
        (picture, {"type": tarfile.GNUTYPE_SPARSE}),
    ):
        with_member(name, **changes)
        refused(archive, target, "This is not a backup")
        shutil.rmtree(target)
    assert not (tmp_path / "outside").exists() and not Path("/tmp/outside").exists()
    for content in ('{"format": 2}', "[]", "{}", "no JSON"):
        with tarfile.open(archive, "w") as made:
            info = tarfile.TarInfo("manifest.json")
            info.size = len(content)
            made.addfile(info, io.BytesIO(content.encode()))
        refused(archive, target, "format is not version 1|is not that of a backup|no database")
        shutil.rmtree(target)


def test_files_that_the_tables_tell_otherwise_of_are_refused(states, tmp_path, target, backup):
    files = members(backup)
    bundle = next(name for name in files if name.startswith(f"bundles/{states['ready']}"))
    waiting = f"images/{states['queued']}/1/0"
    archive = tmp_path / "other.tar"
    for changed in (
        files | {bundle: files[bundle][:-1] + b"?"},
        {name: content for name, content in files.items() if name != bundle},
        {name: content for name, content in files.items() if name != waiting},
    ):
        write(archive, changed)
        refused(archive, target, "is missing, or not the one")
        shutil.rmtree(target)
    write(archive, files)
    restore(archive)


@pytest.mark.parametrize(
    ("statement", "sentence", "kind"),
    [
        ("UPDATE alembic_version SET version_num = '2.0.0'", "run release 2.0.0", OtherRelease),
        ("DROP TABLE alembic_version", "other tables", BackupInvalid),
    ],
)
def test_tables_of_others_are_refused(tmp_path, target, backup, statement, sentence, kind):
    files = members(backup)
    (tmp_path / "sqlite").write_bytes(files[DATABASE_FILE])
    with closing(sqlite3.connect(tmp_path / "sqlite")) as database:
        database.execute(statement)
        database.commit()
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    archive = tmp_path / "other.tar"
    write(archive, files | {DATABASE_FILE: (tmp_path / "sqlite").read_bytes()})
    refused(archive, target, sentence, kind)


@pytest.mark.thorough
def test_older_tables_are_carried_over(tmp_path, target, backup):
    """As a release that is older than this one, and could make backups, would have left them."""
    for name in (DATABASE_FILE, "images", "dumps"):
        copy = shutil.copytree if (OLD / name).is_dir() else shutil.copy
        copy(OLD / name, tmp_path / {"dumps": "bundles"}.get(name, name))
    with closing(sqlite3.connect(tmp_path / DATABASE_FILE)) as database:
        database.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
        database.execute("INSERT INTO alembic_version VALUES ('0.9.0')")
        database.commit()
    kept = [path for name in ("images", "bundles") for path in (tmp_path / name).rglob("*") if path.is_file()]
    files = {str(path.relative_to(tmp_path)): path.read_bytes() for path in (*kept, tmp_path / DATABASE_FILE)}
    write(tmp_path / "older.tar", files | {"manifest.json": members(backup)["manifest.json"]})
    restore(tmp_path / "older.tar")
    with at(target) as restored:
        states = {status.name: status.state for status in builds.listing(restored.database)}
    assert states == {"ready": "ready", "unfinished": "encoding", "growing": "ready", "looked at": "examined"}


def test_a_damaged_database_is_refused(tmp_path, target, backup):
    files = members(backup)
    archive = tmp_path / "other.tar"
    whole = files[DATABASE_FILE]
    for damaged in (b"text" * 2000, whole[: len(whole) // 2], whole[:4096] + b"\xff" * 200 + whole[4296:], b""):
        write(archive, files | {DATABASE_FILE: damaged})
        refused(archive, target, "The database is damaged|other tables")
        shutil.rmtree(target)


def test_nothing_is_overwritten(states, workplace, backup, target, monkeypatch):
    restore(backup)
    before = contents(target)
    with pytest.raises(InvalidRequest, match="is not empty"):
        restore(backup)
    assert contents(target) == before
    monkeypatch.setenv("FACIAL_DATA_DIR", str(target.parent))
    with pytest.raises(InvalidRequest, match="is not empty"):
        restore(backup)
    assert listing(target.parent) >= {"data"}


@pytest.mark.parametrize("work", [back_up, restore])
def test_another_database_is_refused(states, backup, monkeypatch, work):
    monkeypatch.setenv("FACIAL_DATABASE_URL", "postgresql+psycopg://localhost/facial")
    with pytest.raises(InvalidSettings, match="pg_dump"):
        work(backup)


def test_what_a_person_can_mend_is_said(states, workplace, tmp_path):
    for out, sentence in (
        (workplace.settings.data_dir / DATABASE_FILE, "is in the data folder"),
        (workplace.settings.data_dir / "images" / "backup.tar", "is in the data folder"),
        (tmp_path, "name a file"),
        (tmp_path / "nowhere" / "backup.tar", "name a file"),
    ):
        with pytest.raises(InvalidRequest, match=sentence):
            back_up_of(workplace.settings.data_dir, out)
    with pytest.raises(InvalidRequest, match="is not a file"):
        restore(tmp_path / "none.tar")
    with pytest.raises(InvalidRequest, match="nothing to back up"):
        back_up_of(tmp_path / "nowhere", tmp_path / "backup.tar")
    assert not (tmp_path / "nowhere").exists()


def test_the_data_of_an_older_release_are_left_for_it(tmp_path):
    shutil.copytree(OLD, tmp_path / "old")
    before = contents(tmp_path / "old")
    with pytest.raises(OtherRelease, match=r"before 1\.0\.0"):
        back_up_of(tmp_path / "old", tmp_path / "backup.tar")
    assert contents(tmp_path / "old") == before
