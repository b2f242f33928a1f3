"""Hypothesis strategies for what the project works with."""

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from features.store import FaceFeatures, ImageFeatures, QualityFeatures
from jobs.processes.messages import Message

_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)

messages = st.builds(
    Message,
    kind=st.text(max_size=20),
    header=st.dictionaries(st.text(), _json, max_size=5),
    buffers=st.lists(st.binary(max_size=200), max_size=3).map(tuple),
)

_pixels = st.floats(-1e4, 1e4, width=32)

faces = st.builds(
    FaceFeatures,
    box=st.tuples(_pixels, _pixels, _pixels, _pixels),
    score=st.floats(-10, 10),
    landmarks=arrays.arrays(np.float32, (5, 2), elements=_pixels),
    encoding=arrays.arrays(np.float32, (128,), elements=st.floats(-2, 2, width=32)),
    quality=st.none()
    | st.builds(
        QualityFeatures,
        sharpness=st.floats(0, 1),
        brightness=st.floats(0, 255),
        yaw=st.floats(-90, 90),
        pitch=st.floats(-90, 180),
    ),
)

images = st.builds(
    ImageFeatures,
    width=st.integers(32, 10_000),
    height=st.integers(32, 10_000),
    faces=st.lists(faces, max_size=3).map(tuple),
)

content_hashes = st.binary(min_size=32, max_size=32).map(bytes.hex)

labels = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=40)
