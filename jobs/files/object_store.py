"""Files that several nodes share, by the URL of a folder or of a bucket: called as they are under the data folder."""

import errno
import os
import shutil
import uuid
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

from constants.exceptions import InvalidSettings
from modelization.bundle.bundle_file import sync_folder

#: What stands in a shared folder from the first start on: where it is missing, another file system is not mounted.
_MARK = ".facial-storage"


class ObjectStore(Protocol):
    """Objects by name; one that is there is whole.

    Every method raises an ``OSError`` that ``is_machine_fault`` knows where the store cannot be used now.
    """

    def check(self) -> None:
        """Write, read and delete an object. Raises ``InvalidSettings`` that says why that cannot be."""

    def put(self, path: Path, name: str) -> None:
        """Let a file be an object as well. Raises ``FileNotFoundError`` where the file is gone."""

    def get(self, name: str, path: Path) -> None:
        """Write an object to ``path``, which is not synced. Raises ``FileNotFoundError`` where there is no such."""

    def names(self, prefix: str) -> list[str]:
        """The names of all objects that begin so; ``prefix`` ends with a slash, or is a whole name."""

    def delete(self, names: Collection[str]) -> None:
        """Delete objects; those that are gone already are no error."""


class NoStore(ObjectStore):
    """Where the data folder is all there is: nothing is put anywhere, and so nothing is found."""

    def check(self) -> None:
        """Nothing can be wrong with it."""

    def put(self, path: Path, name: str) -> None:
        """Leave the file where it is, and only there."""

    def get(self, name: str, path: Path) -> None:  # noqa: ARG002
        """Raise ``FileNotFoundError``."""
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), name)

    def names(self, prefix: str) -> list[str]:  # noqa: ARG002
        """None."""
        return []

    def delete(self, names: Collection[str]) -> None:
        """Nothing is there."""


def open_store(url: str) -> ObjectStore:
    """The store that ``FACIAL_STORAGE_URL`` names. Raises ``InvalidSettings`` for a URL that is none."""
    if not url:
        return NoStore()
    parts = urlsplit(url)
    if parts.scheme == "file" and not parts.netloc and len(parts.path) > 1:
        return SharedFolder(Path(unquote(parts.path)))
    if parts.scheme == "s3" and parts.netloc:
        try:
            from jobs.files.bucket import Bucket  # needs packages that nobody else does
        except ImportError as error:
            raise InvalidSettings(
                f"FACIAL_STORAGE_URL needs the Python package {error.name!r}; install s3fs where the service's others "
                "are."
            ) from error
        return Bucket(parts.netloc, parts.path.strip("/"))
    raise InvalidSettings(
        "FACIAL_STORAGE_URL is neither s3://bucket/prefix nor file:///folder; leave it out for the data folder alone."
    )


def unusable(where: str) -> OSError:
    """What is raised where a store cannot be used now: a fault of the machine."""
    return OSError(errno.EIO, f"{where} of FACIAL_STORAGE_URL cannot be used now")


class SharedFolder(ObjectStore):
    """A folder that is mounted on every node."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def check(self) -> None:
        """Write, read and delete a file. Raises ``InvalidSettings`` for a folder that is missing or closed."""
        name = f"probe/{uuid.uuid4().hex}"
        try:
            (self._folder / _MARK).touch(mode=0o600)
            self.put(self._folder / _MARK, name)
            self.names(name)
            self.delete([name])
        except OSError as error:
            raise InvalidSettings(
                f"The folder {self._folder} of FACIAL_STORAGE_URL cannot be used: {error.strerror}. Make it, mount it, "
                "or let this user write there."
            ) from error

    def put(self, path: Path, name: str) -> None:
        """Copy a file, which gets its name once it is synced."""
        target = self._folder / name
        part = target.with_name(f".{target.name}.{uuid.uuid4().hex}.part")
        with path.open("rb") as source, self._faults():
            try:
                target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                with part.open("xb") as file:
                    shutil.copyfileobj(source, file, 1 << 20)
                    file.flush()
                    os.fsync(file.fileno())
                part.replace(target)
                for folder in self._above(name):
                    sync_folder(folder)
            except FileNotFoundError as error:  # the folder: its last file was deleted at this moment
                raise unusable(f"The folder {self._folder}") from error
            finally:
                part.unlink(missing_ok=True)

    def get(self, name: str, path: Path) -> None:
        """Copy an object."""
        with self._faults():
            shutil.copyfile(self._folder / name, path)

    def names(self, prefix: str) -> list[str]:
        """The names of the files below, half-written ones among them."""
        with self._faults():
            if not prefix.endswith("/"):
                return [prefix] if (self._folder / prefix).is_file() else []
            walked = os.walk(self._folder / prefix, onerror=_refuse_all_but_gone)
            files = (Path(folder, name) for folder, _, names in walked for name in names)
            return [str(file.relative_to(self._folder)) for file in files]

    def delete(self, names: Collection[str]) -> None:
        """Delete files, and the folders that they leave empty."""
        with self._faults():
            for name in names:
                (self._folder / name).unlink(missing_ok=True)
            for name in names:
                for folder in self._above(name)[:-1]:
                    with suppress(OSError):
                        folder.rmdir()

    def _above(self, name: str) -> list[Path]:
        """The folders above an object, up to the shared one."""
        return list((self._folder / name).parents)[: name.count("/") + 1]

    @contextmanager
    def _faults(self) -> Iterator[None]:
        """Within, whatever the file system refuses is a fault of the machine, a folder that is not mounted, too."""
        try:
            if not (self._folder / _MARK).exists():
                raise unusable(f"The folder {self._folder}")
            yield
        except FileNotFoundError:
            raise
        except OSError as error:
            raise unusable(f"The folder {self._folder}") from error


def _refuse_all_but_gone(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        raise error
