"""Bringing what another node has, or had, from the objects to the data folder: bundles, pictures, thumbnails."""

import hashlib
import os
from contextlib import suppress
from pathlib import Path

from loguru import logger

from constants.exceptions import BundleInvalid, NotFound, ObjectDamaged
from jobs.files.layout import bare_form
from jobs.files.sealed import unsealed
from jobs.files.storage import Storage
from jobs.table.records import File
from modelization.bundle.bundle_file import sync_folder
from modelization.bundle.bundle_parts import networks_needed, networks_of, open_whole


def present_bundle(storage: Storage, recognizer_id: str, name: str, sha256: str) -> Path:
    """The file of a published bundle, whose content has that SHA-256; it is brought here where it is missing.

    Raises ``NotFound`` where it was deleted, ``BundleInvalid`` where what is brought is damaged.
    """
    path = storage.bundle(recognizer_id, name)
    if path.exists():
        return path
    with storage.arrival(recognizer_id) as folder:
        try:
            arrived = folder / name
            storage.shared.get(path, arrived)
            _bring_networks(storage, arrived)
            _check(arrived, sha256)
            _move(arrived, path)
        except FileNotFoundError as error:
            raise NotFound("This version's file is gone: the version was deleted, or its file alone.") from error
    return path


def present_picture(storage: Storage, recognizer_id: str, version: int, file: File) -> Path:
    """The picture that a version has of a file, as it was sent or is kept; it is brought here where it is missing.

    Raises ``NotFound`` where it was deleted, ``ObjectDamaged`` where it is not what was sent.
    """
    path = storage.image(recognizer_id, version, file.position)
    if path.exists():
        return path
    with storage.arrival(recognizer_id) as folder:
        arrived = folder / path.name
        try:
            try:
                storage.shared.get(path, arrived)
                if _sha256(arrived) != file.content_hash:
                    raise ObjectDamaged("A picture is damaged where all nodes keep it; send it again.")
            except FileNotFoundError:
                storage.shared.get(bare_form(path), arrived)
            _move(arrived, path)
        except FileNotFoundError as error:
            raise NotFound("The picture is gone: it, or its recognizer, was deleted.") from error
    return path


def read_thumbnail(storage: Storage, recognizer_id: str, path: Path, key: bytes | None) -> bytes:
    """A thumbnail, brought here if need be, decrypted by its build's key.

    Raises ``NotFound`` where none is kept, which one that somebody exchanged or changed is as good as.
    """
    try:
        if key is not None:
            return unsealed(_brought(storage, recognizer_id, path).read_bytes(), key, storage.shared.name(path))
    except FileNotFoundError:
        pass
    except ObjectDamaged:
        logger.warning("a thumbnail is not what was written there, and is not shown")
    raise NotFound("No thumbnail of this face is kept.")


def _brought(storage: Storage, recognizer_id: str, path: Path) -> Path:
    """A thumbnail's file, which is here from then on. Raises ``FileNotFoundError`` where there is none."""
    if not path.is_file():
        with storage.arrival(recognizer_id) as folder:
            storage.shared.get(path, folder / path.name)
            _move(folder / path.name, path)
    return path


def _bring_networks(storage: Storage, own: Path) -> None:
    """Let the networks that a bundle needs be beside it: linked, where another bundle here has them."""
    sha256 = networks_needed(own)
    if sha256 is None:
        return
    networks = networks_of(own, sha256)
    for alike in storage.networks_called(sha256):
        with suppress(OSError):  # deleted at this moment, or on a file system that has no links
            os.link(alike, networks)
            if _sha256(networks) == sha256:
                return
            networks.unlink()
    storage.shared.get_networks(sha256, networks)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _check(arrived: Path, sha256: str) -> None:
    with open_whole(arrived) as whole:
        if hashlib.file_digest(whole, "sha256").hexdigest() != sha256:
            raise BundleInvalid(
                "This version's file is damaged where all nodes keep it; restore it, or build it again."
            )


def _move(arrived: Path, path: Path) -> None:
    """Give files their places, synced, the bundle's own last: by it a bundle is known to be there."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    for file in sorted(arrived.parent.iterdir(), key=lambda file: file == arrived):
        with file.open("rb") as content:
            os.fsync(content.fileno())
        file.replace(path.with_name(file.name))
    sync_folder(path.parent)
