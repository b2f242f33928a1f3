"""The published shape predictor is read whole, and anything else is refused with a sentence."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from constants.exceptions import WeightsError
from preprocessor.dlib_files.shape_predictor_format import ShapePredictor, read_shape_predictor
from preprocessor.dlib_files.weights import LANDMARKS_5, MMOD_DETECTOR, weights_path


@pytest.fixture(scope="module")
def content() -> bytes:
    return weights_path(LANDMARKS_5).read_bytes()


@pytest.fixture(scope="module")
def predictor() -> ShapePredictor:
    return read_shape_predictor(weights_path(LANDMARKS_5))


@pytest.fixture(scope="module")
def target(tmp_path_factory):
    return tmp_path_factory.mktemp("weights") / "predictor.dat"


def test_the_published_predictor(predictor):
    assert predictor.initial.shape == (5, 2)
    assert predictor.first.shape == predictor.second.shape == predictor.threshold.shape == (15, 500, 15)
    assert predictor.leaves.shape == (15, 500, 16, 5, 2)
    assert predictor.anchors.shape == (15, 800) and predictor.offsets.shape == (15, 800, 2)
    assert np.abs(predictor.leaves).max() < 0.1 and np.abs(predictor.offsets).max() < 1
    # In the unit square of a face's box: eyes from right to left, then the nose below them.
    x, y = predictor.initial.T
    assert x[2] < x[3] < x[4] < x[1] < x[0] and y[4] > y[:4].max()


@pytest.mark.parametrize("change", [lambda _: b"", lambda content: content + b"\x01\x00", lambda content: content[1:]])
def test_other_content_is_refused(content, target, change):
    target.write_bytes(change(content))
    with pytest.raises(WeightsError, match=r"predictor\.dat is not dlib's published shape predictor"):
        read_shape_predictor(target)


def test_another_kind_of_weights_is_refused():
    with pytest.raises(WeightsError):
        read_shape_predictor(weights_path(MMOD_DETECTOR))


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(WeightsError, match=r"nowhere\.dat"):
        read_shape_predictor(tmp_path / "nowhere.dat")


@settings(max_examples=6, deadline=None)
@given(share=st.floats(0, 1, exclude_max=True))
def test_a_file_that_ends_early_is_refused(content, target, share):
    target.write_bytes(content[: int(share * len(content))])
    with pytest.raises(WeightsError):
        read_shape_predictor(target)


@settings(max_examples=6, deadline=None)
@given(data=st.data())
def test_damage_is_refused_or_changes_nothing_but_values(content, target, data):
    end = data.draw(st.sampled_from([60, len(content)]))
    damaged = bytearray(content)
    damaged[data.draw(st.integers(0, end - 1))] = data.draw(st.integers(0, 255))
    target.write_bytes(damaged)
    try:
        predictor = read_shape_predictor(target)
    except WeightsError:
        return
    assert predictor.first.max() < 800 and predictor.anchors.max() < 5
    assert all(np.isfinite(values).all() for values in (predictor.leaves, predictor.threshold, predictor.offsets))
