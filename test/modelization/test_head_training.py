import warnings

import numpy as np
import pytest
import tensorflow as tf

from constants.exceptions import BuildCancelled
from modelization.folds import assign_folds
from modelization.head_training import MAX_EPOCHS, TrainedHead, forget_networks, tflite_file, train_head
from modelization.network import build_network
from modelization.topology import ACTIVATIONS, DEFAULT_TOPOLOGY, Layer, Topology
from test.modelization.made_up import faces, training_set

pytestmark = pytest.mark.thorough


def train(counts: list[int], seed: int = 0, topology: Topology = DEFAULT_TOPOLOGY) -> TrainedHead:
    known = training_set(counts)
    return train_head(known, assign_folds(known.people, seed), topology, seed, lambda *_: None)


@pytest.mark.parametrize("topology", [DEFAULT_TOPOLOGY, Topology((Layer(16, "tanh", 0.3), Layer(8, "elu")))])
def test_same_seed_same_weights(topology: Topology) -> None:
    first, again, other = (train([4, 4, 3], seed, topology).weights() for seed in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(first, other, strict=True))


def test_progress_is_monotone_and_ends_whole() -> None:
    known = training_set([3, 3])
    counts: list[tuple[int, int]] = []
    train_head(known, assign_folds(known.people, 0), DEFAULT_TOPOLOGY, 0, lambda *count: counts.append(count))
    assert counts == sorted(set(counts))
    assert counts[0] == (0, 4 * MAX_EPOCHS) and counts[-1] == (4 * MAX_EPOCHS, 4 * MAX_EPOCHS)


def test_every_fold_keeps_the_losses_of_its_epochs() -> None:
    curves = train([3, 3]).curves
    assert len(curves) == 3
    for losses in curves:
        best = int(np.argmin(losses))
        assert losses[0] == pytest.approx(np.log(2), rel=0.5) and losses[best] < losses[0]
        assert best + 1 < len(losses) <= MAX_EPOCHS


def test_cancelling_ends_training_at_once() -> None:
    known = training_set([3, 3])
    seen = []

    def cancel(done: int, total: int) -> None:
        seen.append(done)
        if done >= 5:
            raise BuildCancelled("The build was cancelled.")

    with pytest.raises(BuildCancelled):
        train_head(known, assign_folds(known.people, 0), DEFAULT_TOPOLOGY, 0, cancel)
    assert seen == [0, 1, 2, 3, 4, 5]
    forget_networks()


def test_posterior_of_faces_that_no_head_held_out_is_the_final_heads() -> None:
    known = training_set([1, 1, 1])
    head = train_head(known, assign_folds(known.people, 0), DEFAULT_TOPOLOGY, 0, lambda *_: None)
    np.testing.assert_array_equal(head.posterior, head.predict(known.encodings))


def test_tensorflow_lite_says_what_the_head_says() -> None:
    """Whatever the activations; TensorFlow warns that its own interpreter will move to another package."""
    layers = tuple(Layer(7, activation) for activation in ACTIVATIONS)
    head = build_network(Topology(layers), 4, seed=2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        interpreter = tf.lite.Interpreter(model_content=tflite_file(head))
    interpreter.allocate_tensors()
    (given,), (wanted,) = interpreter.get_input_details(), interpreter.get_output_details()
    for encoding in faces([1] * 5, 0)[0]:
        interpreter.set_tensor(given["index"], encoding[None])
        interpreter.invoke()
        np.testing.assert_allclose(interpreter.get_tensor(wanted["index"]), head(encoding[None]), atol=1e-5)
