"""Pictures lie a thousand to a folder; those that lay together before stay where they are."""

from pathlib import Path

import pytest

from jobs.files.layout import is_of_version
from jobs.files.object_store import SharedFolder
from jobs.files.storage import Storage

RECOGNIZER = "a" * 32
#: Positions on both sides of where a folder ends.
POSITIONS = (0, 999, 1000, 1999, 2000, 123_456)


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    made = Storage(tmp_path / "data")
    made.make_folders()
    return made


def sent(storage: Storage, positions: tuple[int, ...] = POSITIONS) -> dict[int, Path]:
    """Uploads in the folder of a request, by position, each with its position as its content."""
    folder = storage.incoming / "request"
    folder.mkdir()
    uploads = {position: folder / f"sent-{position}" for position in positions}
    for position, path in uploads.items():
        path.write_text(str(position))
    return uploads


def take_in(storage: Storage, positions: tuple[int, ...] = POSITIONS) -> None:
    with storage.taking_in(storage.lay_out(sent(storage, positions)), RECOGNIZER, 1):
        pass


def names(storage: Storage, version: int = 1) -> set[str]:
    return {name.removeprefix(f"images/{RECOGNIZER}/{version}/") for name in storage.pictures_of(RECOGNIZER, version)}


def test_each_thousand_pictures_has_a_folder(storage: Storage) -> None:
    take_in(storage)
    assert names(storage) == {"0", "999", "1k/1000", "1k/1999", "2k/2000", "123k/123456"}
    for position in POSITIONS:
        assert storage.image(RECOGNIZER, 1, position).read_text() == str(position)
    assert all(is_of_version(name) for name in storage.pictures_of(RECOGNIZER, 1))


def test_what_fails_while_it_is_taken_in_leaves_nothing(storage: Storage) -> None:
    laid_out = storage.lay_out(sent(storage))
    with pytest.raises(ValueError, match="refused"), storage.taking_in(laid_out, RECOGNIZER, 1):
        raise ValueError("refused")
    assert not storage.has_any(RECOGNIZER) and not any(storage.images.iterdir())


def test_pictures_that_lie_together_are_found_kept_shared_and_erased(storage: Storage) -> None:
    folder = storage.image_folder(RECOGNIZER, 1)
    folder.mkdir(parents=True)
    for name in ("5", "1500", "1500.0.thumb", "2500"):
        (folder / name).write_text(name)
    assert storage.image(RECOGNIZER, 1, 1500) == folder / "1500"
    assert storage.thumbnail(RECOGNIZER, 1, 1500, 0) == folder / "1500.0.thumb"
    assert storage.thumbnail(RECOGNIZER, 1, 1500, 1) == folder / "1k" / "1500.1.thumb"
    assert storage.thumbnails_of(RECOGNIZER, 1) == {(1500, 0)}
    assert names(storage) == {"5", "1500", "1500.0.thumb", "2500"}
    storage.share_images(RECOGNIZER, 1, 2, (5, 1500))
    assert names(storage, 2) == {"5", "1k/1500"}
    storage.erase_images(RECOGNIZER, 1, but=(1500,))
    assert names(storage) == {"1500"}
    storage.erase_images(RECOGNIZER, 1)
    assert not folder.exists()


def test_folders_that_are_emptied_go(storage: Storage) -> None:
    take_in(storage)
    storage.thumbnail(RECOGNIZER, 1, 1999, 0).write_text("face")
    storage.erase_images(RECOGNIZER, 1, but=(0,), thumbnails=False)
    assert names(storage) == {"0", "1k/1999.0.thumb"}
    assert {path.name for path in storage.image_folder(RECOGNIZER, 1).iterdir()} == {"0", "1k"}
    storage.erase_images(RECOGNIZER, 1)
    assert not storage.has_version(RECOGNIZER, 1)


@pytest.mark.parametrize("flat", [True, False])
def test_an_object_has_the_same_name_wherever_its_picture_lies(tmp_path: Path, flat: bool) -> None:
    storage = Storage(tmp_path / "data", objects=SharedFolder(tmp_path / "objects"))
    storage.make_folders()
    (tmp_path / "objects").mkdir()
    storage.shared.store.check()
    if flat:
        storage.image_folder(RECOGNIZER, 1).mkdir(parents=True)
        (storage.image_folder(RECOGNIZER, 1) / "1500").write_text("1500")
    else:
        take_in(storage, (1500,))
    storage.share_missing(RECOGNIZER, 1, (1500,))
    there = storage.shared.store
    assert there.names("images/") == [f"images/{RECOGNIZER}/1/1k/1500"]
    assert storage.shared.pictures_of(RECOGNIZER, 1) == {"1500"}
    assert storage.shared.versions_with_pictures() == {(RECOGNIZER, 1)}
    storage.shared.erase_pictures(RECOGNIZER, 1)
    assert not there.names("images/")
