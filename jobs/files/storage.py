"""What lies in the data folder, how it gets there for good, and how it goes."""

import re
import shutil
import uuid
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from itertools import chain
from pathlib import Path

from constants.settings import DATABASE_FILE
from jobs.files.held_folder import held_folder
from jobs.files.layout import SEARCH, THUMBNAIL, Layout, has_further, is_of_version, is_part, place_of
from jobs.files.linking import link_or_copy
from jobs.files.object_store import NoStore, ObjectStore
from jobs.files.shared_files import SharedFiles
from jobs.machine_faults import leaves_doubt
from modelization.bundle.bundle_file import search_file, sync_folder
from modelization.bundle.bundle_parts import NETWORKS

#: Bytes that are left of a full disk at most: less than a bundle, or a picture, takes.
_FULL_BYTES = 32 << 20


class Storage(Layout):
    """The data folder: ``incoming`` uploads, ``images`` of builds, finished ``bundles``, ``scratch`` of trainings.

    A file that is there under its name is whole and never changes; a search alone is replaced by a later state of
    itself. What every node needs is among the ``shared`` files as well, where there are any: what is here is then a
    copy, which may be missing.
    """

    def __init__(self, data_dir: Path, node: str = "", objects: ObjectStore | None = None) -> None:
        """``node`` is which of the nodes at work on a database has the folder; empty where there can be no other."""
        super().__init__(data_dir)
        self.node = node
        self.shared = SharedFiles(data_dir, objects or NoStore())
        self.incoming = data_dir / "incoming"
        #: Uploads that come in pieces, each for a day at most; see ``jobs/intake/pieced_uploads.py``.
        self.pieces = data_dir / "pieces"
        #: What trainings write on the way, each in a folder that is called by its claim's token.
        self.scratch = data_dir / "scratch"
        #: What is just being brought here from the objects, each in a folder whose name begins with its recognizer's.
        self.arriving = data_dir / "arriving"
        #: A copy of all that is kept, while a backup of it is made; see ``jobs/snapshot.py``.
        self.snapshot = data_dir / "snapshot"
        #: What is restored, until all of it is; see ``jobs/commands/restore.py``.
        self.restoring = data_dir / "restoring"

    @property
    def is_shared(self) -> bool:
        """Whether other nodes may have what this one has."""
        return self.shared.are_kept

    @property
    def is_full(self) -> bool:
        """Whether its disk has no room left for what a task writes."""
        return shutil.disk_usage(self.data_dir).free < _FULL_BYTES

    @property
    def is_half_restored(self) -> bool:
        """Whether a restore was broken off here: its database comes last."""
        return self.restoring.exists() and not (self.data_dir / DATABASE_FILE).exists()

    def make_folders(self) -> None:
        """Make the folders that are missing, for this user alone: they hold faces."""
        before_1_0_0 = self.data_dir / "dumps"
        if before_1_0_0.is_dir() and not self.bundles.exists():
            before_1_0_0.rename(self.bundles)
        for folder in (
            self.data_dir,
            self.incoming,
            self.pieces,
            self.images,
            self.bundles,
            self.scratch,
            self.arriving,
        ):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def thumbnails_of(self, recognizer_id: str, version: int) -> set[tuple[int, int]]:
        """The thumbnails of a version that are there, each by its picture's position and its face's index."""
        here = (file.name for file in self._pictures(recognizer_id, version))
        names = map(THUMBNAIL.fullmatch, chain(here, self.shared.pictures_of(recognizer_id, version)))
        return {(int(name[1]), int(name[2])) for name in names if name}

    def pictures_of(self, recognizer_id: str, version: int) -> Iterator[str]:
        """The pictures that a version has now, by their names under the data folder."""
        return self._named(self._pictures(recognizer_id, version))

    def bundles_of(self, recognizer_id: str, version: int) -> Iterator[str]:
        """The bundles of a version, published or not, and where its search stands, likewise."""
        return self._named(self._of_version(recognizer_id, version))

    def _pictures(self, recognizer_id: str, version: int) -> Iterator[Path]:
        """The pictures of a version and what lies beside them, one folder of them after another."""
        for path in _listed(self.image_folder(recognizer_id, version)):
            if has_further(path):
                yield from _listed(path)
            else:
                yield path

    def _named(self, files: Iterable[Path]) -> Iterator[str]:
        """What files are called under the data folder, but those that are no version's."""
        return filter(is_of_version, (str(file.relative_to(self.data_dir)) for file in files))

    def versions_with_pictures(self) -> list[tuple[str, int]]:
        """The versions for which there is a folder of pictures, each by its recognizer's id and its number."""
        folders = (folder for recognizer in _listed(self.images) for folder in _listed(recognizer))
        return [(folder.parent.name, int(folder.name)) for folder in folders if folder.name.isdecimal()]

    def written_bundles(self) -> list[tuple[str, str]]:
        """Whatever stands among bundles, half-written ones included, each by its recognizer's id and its name."""
        return [(file.parent.name, file.name) for recognizer in _listed(self.bundles) for file in _listed(recognizer)]

    def trainings(self) -> set[str]:
        """The tokens of the claims that trainings are at work on, or were when they were killed."""
        return {folder.name for folder in _listed(self.scratch)}

    def lay_out(self, uploads: Mapping[int, Path]) -> Path:
        """A folder beside uploads, whose content is synced, to which they are moved as a version has its pictures.

        It is synced as well. ``uploads`` is by position; they lie in the folder that their request holds.
        """
        folder = next((path.parent for path in uploads.values()), self.incoming) / uuid.uuid4().hex
        folder.mkdir(mode=0o700)
        made = {folder}
        for position, path in uploads.items():
            place = folder / place_of(str(position))
            if place.parent not in made:
                place.parent.mkdir(mode=0o700)
                made.add(place.parent)
            path.rename(place)
        for written in made:
            sync_folder(written)
        return folder

    @contextmanager
    def taking_in(self, laid_out: Path, recognizer_id: str, version: int) -> Iterator[None]:
        """Let the folder that holds uploads, as ``lay_out`` made it, be a version's.

        Within, a power cut loses none of them. They are given up where what is done within fails, unless it may have
        been done all the same: then files of nobody are deleted at the next start.
        """
        folder = self.image_folder(recognizer_id, version)
        try:
            folder.parent.mkdir(mode=0o700, exist_ok=True)
            laid_out.rename(folder)
            for parent in (folder.parent, self.images):
                sync_folder(parent)
            yield
        except BaseException as error:
            if not leaves_doubt(error):
                with suppress(OSError):  # it was not taken in
                    folder.rename(laid_out)
                _remove_if_empty(folder.parent)
            raise

    def share_missing(self, recognizer_id: str, version: int, waiting: Collection[int] = ()) -> None:
        """Let thumbnails of a version that are only here be shared, and pictures at positions that wait."""
        named = set(map(str, waiting))
        pictures = self._pictures(recognizer_id, version)
        here = [path for path in pictures if path.name in named or THUMBNAIL.fullmatch(path.name)]
        there = self.shared.pictures_of(recognizer_id, version) if here else set()
        self.shared.put(path for path in here if path.name not in there)

    def exchange(self, recognizer_id: str, version: int, kept: Mapping[Path, Path]) -> None:
        """Let pictures be shared under the names of what is ``kept`` of them, and no files here."""
        here = [path for path in kept if path.exists()]
        there = self.shared.pictures_of(recognizer_id, version) if here else set()
        for path in here:
            if kept[path].name not in there:
                self.shared.store.put(path, self.shared.name(kept[path]))
            path.unlink(missing_ok=True)

    def has_copies(self, recognizer_id: str, version: int) -> bool:
        """Whether pictures of a version are here, thumbnails apart."""
        return any(path.name.isdecimal() for path in self._pictures(recognizer_id, version))

    def share_images(self, recognizer_id: str, version: int, other: int, positions: Collection[int]) -> None:
        """Let another version have some of a version's pictures as well; each deletes its own."""
        folder = self.image_folder(recognizer_id, other)
        folder.mkdir(mode=0o700, parents=True)
        made = {folder, folder.parent}
        for position in positions:
            place = self.image(recognizer_id, other, position)
            place.parent.mkdir(mode=0o700, exist_ok=True)
            made.add(place.parent)
            link_or_copy(self.image(recognizer_id, version, position), place)
        for parent in made:
            sync_folder(parent)

    def erase_images(
        self, recognizer_id: str, version: int, but: Collection[int] = (), thumbnails: bool = True
    ) -> None:
        """Delete the pictures of a version, ``but`` those at some positions, and the ``thumbnails`` of all of them."""
        folder = self.image_folder(recognizer_id, version)
        if but or not thumbnails:
            kept = set(map(str, but))
            for picture in self._pictures(recognizer_id, version):
                if picture.name not in kept and (thumbnails or not THUMBNAIL.fullmatch(picture.name)):
                    picture.unlink(missing_ok=True)
        else:
            shutil.rmtree(folder, ignore_errors=True)
        for emptied in (*filter(has_further, _listed(folder)), folder, folder.parent):
            _remove_if_empty(emptied)

    def begin_bundle(self, recognizer_id: str, version: int, token: str) -> Path:
        """Where the holder of a claim writes a version's bundle; nobody else writes there.

        A search that an earlier claim did not finish goes on beside it.
        """
        bundle = self.bundle(recognizer_id, f"{version}-{token}.zip")
        while not _begun(bundle).exists():
            bundle.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with suppress(FileNotFoundError):  # an erasure of another version found the folder empty at this moment
                _begun(bundle).touch(mode=0o600)
        searches = sorted(self._of_version(recognizer_id, version, SEARCH), key=_written_at)
        if searches:
            searches[-1].rename(search_file(bundle))
        return bundle

    def networks_called(self, sha256: str) -> Iterator[Path]:
        """The files of networks of that content, beside any recognizer's bundles; each is one on the disk."""
        seen: set[int] = set()
        for path in self.bundles.glob(f"*/[0-9]*.{sha256}{NETWORKS}"):
            with suppress(FileNotFoundError):  # deleted at this moment
                number = path.stat().st_ino
                if number not in seen:
                    seen.add(number)
                    yield path

    def arrival(self, recognizer_id: str) -> AbstractContextManager[Path]:
        """A folder for what comes from, or goes to, the objects of a recognizer: an erasure waits for its end."""
        return held_folder(self.arriving, f"{recognizer_id}-{uuid.uuid4().hex}")

    def give_up_bundle(self, path: Path) -> None:
        """Delete what the holder of a claim wrote at ``path``, which no row names."""
        self.shared.delete([path])
        _begun(path.with_suffix(".zip")).unlink(missing_ok=True)
        for file in path.parent.glob(f"{path.stem}.*"):
            if file.name == path.name or is_part(file.name, path.name):
                file.unlink(missing_ok=True)

    def erase_unpublished(self, recognizer_id: str, version: int, published: str | None) -> None:
        """Delete all that trainings of a version left, the ``published`` bundle excepted."""
        self.shared.erase_unpublished(recognizer_id, version, published)
        for file in self._of_version(recognizer_id, version):
            if not is_part(file.name, published):
                file.unlink(missing_ok=True)
        _remove_if_empty(self.bundles / recognizer_id)

    def erase_bundle(self, recognizer_id: str, name: str) -> None:
        """Delete something that stands among bundles."""
        self.bundle(recognizer_id, name).unlink(missing_ok=True)
        _remove_if_empty(self.bundles / recognizer_id)

    def erase_pictures(self, recognizer_id: str, version: int) -> None:
        """Delete all pictures of a version, and thumbnails: objects first, or files would be made of them again."""
        self.shared.erase_pictures(recognizer_id, version)
        self.erase_images(recognizer_id, version)

    def erase_version(self, recognizer_id: str, version: int) -> None:
        """Delete everything of a version."""
        self.erase_pictures(recognizer_id, version)
        self.erase_unpublished(recognizer_id, version, None)

    def _of_version(self, recognizer_id: str, version: int, suffix: str = "") -> list[Path]:
        """The files beside a version's bundle, and itself, half-written ones included."""
        named = re.compile(rf"\.?{version}[-.].*{re.escape(suffix)}")
        return [file for file in _listed(self.bundles / recognizer_id) if named.fullmatch(file.name)]

    def erase(self, recognizer_id: str) -> None:
        """Delete everything of a recognizer: objects first, or files would be made of them again."""
        self.shared.erase(recognizer_id)
        for folder in (self.images / recognizer_id, self.bundles / recognizer_id):
            shutil.rmtree(folder, ignore_errors=True)

    def has_any(self, recognizer_id: str) -> bool:
        """Whether anything of a recognizer is left, or is just arriving here."""
        return (
            self._is_arriving(recognizer_id)  # asked first: it ends in a file
            or any((folder / recognizer_id).exists() for folder in (self.images, self.bundles))
            or self.shared.has_any(recognizer_id)
        )

    def has_version(self, recognizer_id: str, version: int) -> bool:
        """Whether anything of a version is left, or is just arriving here."""
        return (
            self.has_pictures(recognizer_id, version)
            or bool(self._of_version(recognizer_id, version))
            or bool(self.shared.bundles_of(recognizer_id, version))
        )

    def _is_arriving(self, recognizer_id: str) -> bool:
        return any(folder.name.startswith(recognizer_id) for folder in _listed(self.arriving))

    def has_pictures(self, recognizer_id: str, version: int) -> bool:
        """Whether any picture of a version is left, or is just arriving here."""
        return (
            self._is_arriving(recognizer_id)
            or self.image_folder(recognizer_id, version).exists()
            or bool(self.shared.pictures_of(recognizer_id, version))
        )

    def discard_pictures(self, recognizer_id: str, version: int) -> None:
        """Let the pictures of a version be swept with the uploads that nobody holds, which takes no time now."""
        with suppress(FileNotFoundError):
            self.image_folder(recognizer_id, version).rename(self.incoming / uuid.uuid4().hex)
        _remove_if_empty(self.images / recognizer_id)


def _begun(bundle: Path) -> Path:
    """What keeps the folder of a bundle from being empty, and so from being removed, until the bundle is there."""
    return bundle.with_name(f".{bundle.name}.begun")


def _listed(folder: Path) -> list[Path]:
    """What is in a folder now; nothing where there is none, or none any more."""
    try:
        return list(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []


def _written_at(file: Path) -> float:
    """When a file was written last, in seconds since 1970; long ago for one that is gone meanwhile."""
    try:
        return file.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _remove_if_empty(folder: Path) -> None:
    with suppress(OSError):
        folder.rmdir()
