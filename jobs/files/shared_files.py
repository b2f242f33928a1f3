"""The files of versions that every node needs: objects that are called as files are under the data folder."""

from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path, PurePath

from jobs.files.layout import THUMBNAIL, Layout, bare_form, is_part, place_of, version_of
from jobs.files.object_store import NoStore, ObjectStore
from modelization.bundle.bundle_parts import NETWORKS

#: Parts of what a version's folder of pictures is called.
_VERSION_PARTS = 3
#: Pictures that are put at the same time: each waits for the network.
_AT_ONCE = 16


class SharedFiles(Layout):
    """What of a data folder is among the objects of a ``store``; nothing ever is where that is a ``NoStore``.

    Every method raises as ``ObjectStore`` does where that cannot be used now.
    """

    def __init__(self, data_dir: Path, store: ObjectStore) -> None:
        super().__init__(data_dir)
        self.store = store

    @property
    def are_kept(self) -> bool:
        """Whether anything ever is among them."""
        return not isinstance(self.store, NoStore)

    def name(self, path: Path) -> str:
        """What a file in the data folder is called among the objects: a picture as one that is taken in now is."""
        name = path.relative_to(self.data_dir)
        if path.is_relative_to(self.images) and len(name.parts) > _VERSION_PARTS:
            return "/".join((*name.parts[:_VERSION_PARTS], place_of(path.name)))
        return str(name)

    def get(self, path: Path, arrived: Path) -> None:
        """Write to ``arrived`` what belongs at ``path``. Raises ``FileNotFoundError`` where there is no such object."""
        self.store.get(self.name(path), arrived)

    def get_networks(self, sha256: str, arrived: Path) -> None:
        """The same of networks, which are one object for all bundles."""
        self.store.get(_networks(sha256), arrived)

    def put(self, paths: Iterable[Path]) -> None:
        """Let files of the data folder be objects, but those that were deleted meanwhile."""
        for path in paths:
            with suppress(FileNotFoundError):
                self.store.put(path, self.name(path))

    def put_pictures(self, recognizer_id: str, version: int, pictures: Mapping[int, Path]) -> None:
        """Let pictures that lie elsewhere be those of a version, by position, several at a time."""
        names = {position: self.name(self.image(recognizer_id, version, position)) for position in pictures}
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            puts = [pool.submit(self.store.put, path, names[position]) for position, path in pictures.items()]
            try:
                for put in puts:
                    put.result()
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise

    def put_bare(self, picture: Path) -> None:
        """Let the form of a picture that is kept be an object, under a name of its own: the other is deleted."""
        bare = bare_form(picture)
        with suppress(FileNotFoundError):
            self.store.put(bare if bare.exists() else picture, self.name(bare))

    def put_bundle(self, path: Path) -> None:
        """Let a finished bundle be found by every node. Raises ``FileNotFoundError`` where it was deleted meanwhile.

        Networks are nobody's, and stay for good.
        """
        for networks in path.parent.glob(f"{path.stem}.*{NETWORKS}"):
            shared = _networks(networks.suffixes[-2].removeprefix("."))
            if not self.store.names(shared):
                self.store.put(networks, shared)
        self.store.put(path, self.name(path))

    def pictures_of(self, recognizer_id: str, version: int) -> set[str]:
        """What the pictures of a version, and its thumbnails, are called in their folder."""
        return set(_last(self.store.names(f"{self.name(self.image_folder(recognizer_id, version))}/")))

    def bundles_of(self, recognizer_id: str, version: int) -> list[str]:
        """The same of the bundles of a version, published or not."""
        names = _last(self.store.names(f"{self.name(self.bundles / recognizer_id)}/"))
        return [name for name in names if version_of(name) == version]

    def versions_with_pictures(self) -> set[tuple[str, int]]:
        """The versions that have pictures, or thumbnails, each by its recognizer's id and its number."""
        names = map(PurePath, self.store.names(f"{self.name(self.images)}/"))
        return {(name.parts[1], int(name.parts[2])) for name in names}

    def all_bundles(self) -> set[tuple[str, str]]:
        """All bundles, each by its recognizer's id and its name."""
        paths = map(PurePath, self.store.names(f"{self.name(self.bundles)}/"))
        return {(path.parent.name, path.name) for path in paths}

    def delete(self, paths: Iterable[Path]) -> None:
        """Delete what belongs at those places."""
        self.store.delete([self.name(path) for path in paths])

    def erase_pictures(
        self, recognizer_id: str, version: int, but: Collection[str] = (), thumbnails: bool = True
    ) -> None:
        """Delete the pictures of a version, ``but`` those called so, and its ``thumbnails``."""
        doomed = [name for name in self.pictures_of(recognizer_id, version) if name not in but]
        folder = self.image_folder(recognizer_id, version)
        self.delete(folder / name for name in doomed if thumbnails or not THUMBNAIL.fullmatch(name))

    def erase_unpublished(self, recognizer_id: str, version: int, published: str | None) -> None:
        """Delete all that trainings of a version put, the ``published`` bundle excepted."""
        doomed = [name for name in self.bundles_of(recognizer_id, version) if not is_part(name, published)]
        self.delete(self.bundle(recognizer_id, name) for name in doomed)

    def erase(self, recognizer_id: str) -> None:
        """Delete everything of a recognizer."""
        self.store.delete(self._all_of(recognizer_id))

    def has_any(self, recognizer_id: str) -> bool:
        """Whether anything of a recognizer is left."""
        return bool(self._all_of(recognizer_id))

    def _all_of(self, recognizer_id: str) -> list[str]:
        folders = (self.images / recognizer_id, self.bundles / recognizer_id)
        return [name for folder in folders for name in self.store.names(f"{self.name(folder)}/")]


def _networks(sha256: str) -> str:
    """What the networks of that content are called."""
    return f"networks/{sha256}"


def _last(names: Iterable[str]) -> list[str]:
    return [PurePath(name).name for name in names]
