"""dlib's published networks are read as they are, and anything else is refused with a sentence."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from constants.exceptions import WeightsError
from preprocessor.dlib_files.network_format import (
    Affine,
    BoxOverlap,
    Convolution,
    FullyConnected,
    MetricLoss,
    MmodLoss,
    RgbInput,
    read_network,
)
from preprocessor.dlib_files.weights import ENCODER, MMOD_DETECTOR, weights_path


def test_encoder_has_the_layers_of_a_resnet():
    network = read_network(weights_path(ENCODER))
    convolutions = [layer for layer in network.layers if isinstance(layer, Convolution)]
    assert isinstance(network.loss, MetricLoss)
    assert (network.loss.margin, network.loss.distance) == pytest.approx((0.04, 0.6))
    assert isinstance(network.layers[0], RgbInput) and network.layers[0].sides == (150, 150)
    assert len(convolutions) == 29
    assert [len(layer.weights) for layer in convolutions[::7]] == [32, 64, 64, 256, 256]
    assert isinstance(network.layers[-1], FullyConnected) and network.layers[-1].weights.shape == (256, 128)


def test_detector_has_its_convolutions_and_options():
    network = read_network(weights_path(MMOD_DETECTOR))
    convolutions = [layer for layer in network.layers if isinstance(layer, Convolution)]
    assert isinstance(network.loss, MmodLoss) and network.loss.windows == ((80, 80),)
    assert network.loss.overlaps_nms == BoxOverlap(pytest.approx(0.3382761), 1.0)
    assert isinstance(network.layers[0], RgbInput)
    assert network.layers[0].means == pytest.approx((122.782, 117.001, 104.298))
    assert [len(layer.weights) for layer in convolutions] == [16, 32, 32, 45, 45, 45, 1]
    assert [layer.stride for layer in convolutions[:4]] == [(2, 2), (2, 2), (2, 2), (1, 1)]
    assert sum(isinstance(layer, Affine) for layer in network.layers) == 6


@pytest.fixture(scope="session")
def content() -> bytes:
    return weights_path(MMOD_DETECTOR).read_bytes()


@pytest.fixture(scope="session")
def target(tmp_path_factory):
    return tmp_path_factory.mktemp("weights") / "network.dat"


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(WeightsError, match=r"nowhere\.dat"):
        read_network(tmp_path / "nowhere.dat")


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        (b"\x01\x01\x01\x0aloss_mmod_", b"\x01\x02\x01\x0aloss_mmod_", "version of the network is 2"),
        (b"loss_mmod_", b"loss_other", "the loss is 'loss_other'"),
        (b"input_rgb_image_pyramid", b"input_rgb_image_unknown", "the input is"),
        (b"relu_", b"silu_", "the layer 'silu_' is unknown"),
        (b"con_4\x01\x02", b"con_4\x01\x03", "version of a tensor is 3"),
    ],
)
def test_unexpected_content_is_named(content, target, old, new, problem):
    assert old in content
    target.write_bytes(content.replace(old, new, 1))
    with pytest.raises(WeightsError, match=problem):
        read_network(target)


def test_more_than_a_network_is_refused(content, target):
    target.write_bytes(content + b"\x00")
    with pytest.raises(WeightsError, match="more than a network"):
        read_network(target)


@settings(max_examples=100, deadline=None)
@given(share=st.floats(0, 1, exclude_max=True))
def test_a_file_that_ends_early_is_refused(content, target, share):
    target.write_bytes(content[: int(share * len(content))])
    with pytest.raises(WeightsError):
        read_network(target)


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_damage_is_refused_or_changes_nothing_but_values(content, target, data):
    """Half of the damage falls on the first bytes, which are structure and no weights."""
    end = data.draw(st.sampled_from([200, len(content)]))
    damaged = bytearray(content)
    for _ in range(data.draw(st.integers(1, 3))):
        damaged[data.draw(st.integers(0, end - 1))] = data.draw(st.integers(0, 255))
    target.write_bytes(damaged)
    try:
        network = read_network(target)
    except WeightsError:
        return
    weights = [layer.weights for layer in network.layers if isinstance(layer, Convolution)]
    assert all(np.isfinite(values).all() for values in weights)
