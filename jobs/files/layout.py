"""What files are called under the data folder, and among the objects that nodes share."""

import re
from pathlib import Path

from modelization.bundle.bundle_parts import NETWORKS

#: What the pictures, thumbnails of faces, bundles and searches of versions are called under the data folder.
_OF_VERSION = re.compile(
    r"images/[0-9a-f]{32}/[0-9]+/([0-9]+k/)?[0-9]+(\.[0-9]+\.thumb)?|bundles/[0-9a-f]{32}/[0-9]+[-.][0-9A-Za-z.-]+"
)
#: What stands among bundles: half-written or not, of a version, and since 1.0.0 under the token of a claim.
_WRITTEN = re.compile(r"\.?(?P<version>[0-9]+)(-(?P<token>[0-9a-f]+))?\..*")
#: What the file ends in that says where a search stands.
SEARCH = ".search.json"
#: What a thumbnail is called: by its picture's position, and by its face's index there.
THUMBNAIL = re.compile(r"([0-9]+)\.([0-9]+)\.thumb")
#: Pictures that lie in one folder: whatever lists it, or syncs it, takes as long for any number of them.
_IN_ONE_FOLDER = 1000
#: What the folders of a version's second, third and further thousand are called.
_FURTHER = re.compile(r"[0-9]+k")


def is_of_version(name: str) -> bool:
    """Whether a name under the data folder is that of a version's picture, bundle or search."""
    return _OF_VERSION.fullmatch(name) is not None


def version_of(name: str) -> int | None:
    """The version that something among bundles is of, by its name."""
    found = _WRITTEN.fullmatch(name)
    return int(found["version"]) if found else None


def token_of(name: str) -> str | None:
    """The token of the claim under which it was written."""
    found = _WRITTEN.fullmatch(name)
    return found["token"] if found else None


def is_part(name: str, bundle: str | None) -> bool:
    """Whether it is a published bundle or the networks of it, which no other claim wrote."""
    if bundle is None or name.startswith("."):
        return False
    return name == bundle or (name.endswith(NETWORKS) and name.partition(".")[0] == bundle.partition(".")[0])


def is_search(name: str) -> bool:
    """Whether it is where a search stood when it was saved last."""
    return name.endswith(SEARCH) and not name.startswith(".")


def place_of(name: str) -> str:
    """Where a picture, or what lies beside it, belongs in its version's folder: the second thousand is in ``1k``."""
    thousands = int(name.partition(".")[0]) // _IN_ONE_FOLDER
    return f"{thousands}k/{name}" if thousands else name


def has_further(folder: Path) -> bool:
    """Whether a folder in a version's is one of further pictures."""
    return _FURTHER.fullmatch(folder.name) is not None


def bare_form(picture: Path) -> Path:
    """Where the form of a picture lies that is kept: among the objects for good, here until it takes its place."""
    return picture.with_name(f"{picture.name}.bare")


class Layout:
    """Where what versions have lies, by ids and numbers alone: nothing that a client sent becomes part of a path."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.images = data_dir / "images"
        self.bundles = data_dir / "bundles"

    def image_folder(self, recognizer_id: str, version: int) -> Path:
        return self.images / recognizer_id / str(version)

    def image(self, recognizer_id: str, version: int, position: int) -> Path:
        return self._placed(recognizer_id, version, str(position))

    def thumbnail(self, recognizer_id: str, version: int, position: int, face: int) -> Path:
        """Where the thumbnail of a picture's face lies, beside the picture, whose end it may outlive."""
        return self._placed(recognizer_id, version, f"{position}.{face}.thumb")

    @staticmethod
    def thumbnail_of(picture: Path, face: int) -> Path:
        """The same, of the picture that lies there."""
        return picture.with_name(f"{picture.name}.{face}.thumb")

    def _placed(self, recognizer_id: str, version: int, name: str) -> Path:
        """Where something of a picture belongs, or where it lies since before there were folders of thousands."""
        folder = self.image_folder(recognizer_id, version)
        place = place_of(name)
        return folder / (name if place != name and (folder / name).exists() else place)

    def bundle(self, recognizer_id: str, name: str) -> Path:
        return self.bundles / recognizer_id / name
