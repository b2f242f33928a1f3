"""Of a video's many faces a few remain."""

import numpy as np

from features.angle_evidence import NEAR_DUPLICATE_ANGLE, angle, unit
from features.thinning import thinned
from test.modelization import made_up


def clip(moments: int, each: int, seed: int) -> np.ndarray:
    """A person in several moments, each of many almost equal frames."""
    encodings, _ = made_up.faces([moments], seed)
    noise = np.random.default_rng(seed).normal(size=(moments, each, 128)) * 0.002
    return (encodings[:, None] + noise).astype(np.float32).reshape(-1, 128)


def test_every_moment_once():
    kept = thinned(clip(6, 20, seed=61), most=20)
    assert (kept // 20).tolist() == [0, 1, 2, 3, 4, 5]


def test_at_most_so_many_and_none_nearly_the_same():
    faces = clip(30, 3, seed=62)
    kept = thinned(faces, most=10)
    angles = angle(unit(faces[kept]) @ unit(faces[kept]).T)
    assert len(kept) == 10
    assert (angles[~np.eye(10, dtype=bool)] > NEAR_DUPLICATE_ANGLE).all()


def test_a_face_of_somebody_else_is_not_kept_for_being_different():
    faces, people = made_up.faces([12, 1], seed=63)
    assert people[thinned(faces, most=20)].tolist() == [0] * 12


def test_no_faces():
    assert thinned(np.empty((0, 128), np.float32), most=5).tolist() == []
