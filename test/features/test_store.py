"""The store of encodings."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from features import store
from features.database import Database, metadata
from features.store import FaceFeatures, ImageFeatures, Shelf
from test import strategies

V1, V2, ELSEWHERE = Shelf("one", "v1"), Shelf("one", "v2"), Shelf("other", "v1")


@pytest.fixture
def database(tmp_path):
    made = Database(f"sqlite:///{tmp_path / 'features.sqlite'}")
    metadata.create_all(made.engine)
    yield made
    made.close()


def same(one: ImageFeatures, other: ImageFeatures) -> bool:
    return (
        (one.width, one.height, len(one.faces)) == (other.width, other.height, len(other.faces))
        and all(
            (a.box, a.score, a.quality) == (b.box, b.score, b.quality)
            for a, b in zip(one.faces, other.faces, strict=True)
        )
        and all(np.array_equal(a.landmarks, b.landmarks) for a, b in zip(one.faces, other.faces, strict=True))
        and all(np.array_equal(a.encoding, b.encoding) for a, b in zip(one.faces, other.faces, strict=True))
    )


@given(images=st.dictionaries(strategies.content_hashes, strategies.images, max_size=4))
def test_what_is_put_is_got_bit_for_bit(database, images):
    with database.write() as connection:
        store.erase(connection, "one", images)
        store.put(connection, V1, images)
    with database.read() as connection:
        got = store.get(connection, V1, images)
    assert got.keys() == images.keys()
    assert all(same(images[hash_], got[hash_]) for hash_ in images)


def face(value: float = 0.0) -> FaceFeatures:
    return FaceFeatures((0.0, 0.0, 9.0, 9.0), 1.0, np.zeros((5, 2), np.float32), np.full(128, value, np.float32))


def test_that_a_file_has_several_pictures_is_kept(database):
    both = {hash_ * 64: ImageFeatures(50, 50, (), first_of_several=hash_ == "a") for hash_ in "ab"}
    with database.write() as connection:
        store.put(connection, V1, both)
    with database.read() as connection:
        found = store.get(connection, V1, both)
    assert [found[hash_ * 64].first_of_several for hash_ in "ab"] == [True, False]


def test_tenants_are_never_mixed(database):
    with database.write() as connection:
        both = {"a" * 64: ImageFeatures(50, 50, (face(1), face(2)))}
        store.put(connection, V1, both)
        for found in (store.get, store.get_whole, store.present):
            assert not found(connection, ELSEWHERE, both)
        assert store.holds_any(connection, "one", both) and not store.holds_any(connection, "other", both)
        store.put(connection, ELSEWHERE, both)
        store.erase_faces(connection, "other", {("a" * 64, 1)})
        assert store.get_whole(connection, V1, both).keys() == both.keys()
        store.erase(connection, "other", both)
        assert store.get_whole(connection, V1, both).keys() == both.keys()


def test_versions_of_the_pipeline_are_never_mixed(database):
    with database.write() as connection:
        store.put(connection, V1, {"a" * 64: ImageFeatures(50, 50, (face(1),))})
        assert store.get(connection, V2, ["a" * 64]) == {}
        assert store.present(connection, V2, ["a" * 64]) == set()
        assert store.present(connection, V1, ["a" * 64]) == {"a" * 64}


def test_the_first_features_of_a_picture_stay(database):
    with database.write() as connection:
        store.put(connection, V1, {"a" * 64: ImageFeatures(50, 50, (face(1),))})
        store.put(connection, V1, {"a" * 64: ImageFeatures(50, 50, (face(2), face(3)))})
        (kept,) = store.get(connection, V1, ["a" * 64])["a" * 64].faces
    assert kept.encoding[0] == 1


def test_a_picture_searched_for_one_face_gives_way_to_one_searched_for_every_face(database):
    own, every = ImageFeatures(50, 50, (face(1),), every_face=False), ImageFeatures(50, 50, (face(1), face(2)))
    with database.write() as connection:
        store.put(connection, V1, {"a" * 64: own})
        assert store.get_whole(connection, V1, ["a" * 64]) == {}
        assert store.get_whole(connection, V1, ["a" * 64], every_face=False).keys() == {"a" * 64}
        for found in (every, own):
            store.put(connection, V1, {"a" * 64: found})
            kept = store.get_whole(connection, V1, ["a" * 64])["a" * 64]
            assert [face.encoding[0] for face in kept.faces] == [1, 2]
            assert kept.every_face


def test_a_face_is_forgotten_and_the_others_keep_their_places(database):
    whole = ImageFeatures(50, 50, (face(1), face(2), face(3)))
    with database.write() as connection:
        store.put(connection, V1, {"a" * 64: whole, "b" * 64: whole})
        store.erase_faces(connection, "one", {("a" * 64, 1)})
        left = store.get(connection, V1, ["a" * 64])["a" * 64]
        assert [(kept.index, kept.encoding[0]) for kept in left.faces] == [(0, 1), (2, 3)]
        assert [kept.encoding[0] for kept in left.only({2, 9}).faces] == [3]
        assert store.get_whole(connection, V1, ["a" * 64, "b" * 64]).keys() == {"b" * 64}
        # Encoded anew for somebody else, it is whole again.
        store.put(connection, V1, {"a" * 64: whole})
        assert [kept.index for kept in store.get_whole(connection, V1, ["a" * 64])["a" * 64].faces] == [0, 1, 2]


def test_erasing_takes_every_version_and_nothing_else(database):
    both = {hash_ * 64: ImageFeatures(50, 50, (face(),)) for hash_ in "ab"}
    with database.write() as connection:
        for shelf in (V1, V2):
            store.put(connection, shelf, both)
        store.erase(connection, "one", ["a" * 64])
        assert all(store.present(connection, shelf, both) == {"b" * 64} for shelf in (V1, V2))


def test_more_hashes_than_a_statement_may_carry(database):
    many = {f"{number:064x}": ImageFeatures(50, 50, ()) for number in range(1200)}
    with database.write() as connection:
        store.put(connection, V1, many)
        assert store.get(connection, V1, many).keys() == many.keys()


def test_a_write_that_fails_leaves_nothing(database):
    def fail_halfway():
        with database.write() as connection:
            store.put(connection, V1, {"a" * 64: ImageFeatures(50, 50, (face(),))})
            raise RuntimeError("halfway")

    with pytest.raises(RuntimeError, match="halfway"):
        fail_halfway()
    with database.read() as connection:
        assert store.present(connection, V1, ["a" * 64]) == set()


def test_what_is_erased_is_nowhere_on_disk(database, tmp_path):
    marked = np.frombuffer(b"find-this-encoding!!" * 26, "<f4")[:128]
    picture = ImageFeatures(50, 50, (FaceFeatures((0.0, 0.0, 9.0, 9.0), 1.0, np.zeros((5, 2), np.float32), marked),))
    on_disk = lambda: any(b"find-this-encoding" in path.read_bytes() for path in tmp_path.iterdir())  # noqa: E731
    with database.write() as connection:
        store.put(connection, V1, {"a" * 64: picture})
    assert on_disk()
    with database.write() as connection:
        store.erase(connection, "one", ["a" * 64])
    database.forget_deleted()
    assert not on_disk()


def test_an_error_tells_no_value(database):
    with database.engine.connect() as connection, pytest.raises(SQLAlchemyError) as failed:
        connection.execute(text("SELECT * FROM nowhere WHERE label = :label"), {"label": "Alice"})
    assert "Alice" not in str(failed.value)
