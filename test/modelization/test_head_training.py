import numpy as np
import pytest

from constants.exceptions import BuildCancelled
from modelization.folds import assign_folds
from modelization.head_training import MAX_EPOCHS, TrainedHead, forget_networks, train_head
from modelization.topology import DEFAULT_TOPOLOGY, Layer, Topology
from test.modelization.made_up import learned, training_set

pytestmark = pytest.mark.thorough


def train(counts: list[int], seed: int = 0, topology: Topology = DEFAULT_TOPOLOGY) -> TrainedHead:
    known = training_set(counts)
    return train_head(learned(known, assign_folds(known.people, seed)), topology, seed, lambda *_: None)


@pytest.mark.parametrize("topology", [DEFAULT_TOPOLOGY, Topology((Layer(16, "tanh", 0.3), Layer(8, "elu")))])
def test_same_seed_same_weights(topology: Topology) -> None:
    first, again, other = (train([4, 4, 3], seed, topology).weights() for seed in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(first, other, strict=True))


def test_progress_is_monotone_and_ends_whole() -> None:
    known = training_set([3, 3])
    counts: list[tuple[int, int]] = []
    train_head(learned(known, assign_folds(known.people, 0)), DEFAULT_TOPOLOGY, 0, lambda *count: counts.append(count))
    assert counts == sorted(set(counts))
    assert counts[0] == (0, 4 * MAX_EPOCHS) and counts[-1] == (4 * MAX_EPOCHS, 4 * MAX_EPOCHS)


def test_every_fold_keeps_the_losses_of_its_epochs() -> None:
    curves = train([3, 3]).curves
    assert len(curves) == 3
    for losses in curves:
        best = int(np.argmin(losses))
        assert np.log(3) / 2 < losses[0] < 2 * np.log(3), "of two people and a stranger, at the start"
        assert losses[best] < losses[0] / 2
        assert 0 < best < len(losses) <= MAX_EPOCHS


def test_cancelling_ends_training_at_once() -> None:
    known = training_set([3, 3])
    seen = []

    def cancel(done: int, total: int) -> None:
        seen.append(done)
        if done >= 5:
            raise BuildCancelled("The build was cancelled.")

    with pytest.raises(BuildCancelled):
        train_head(learned(known, assign_folds(known.people, 0)), DEFAULT_TOPOLOGY, 0, cancel)
    assert seen == [0, 1, 2, 3, 4, 5]
    forget_networks()


def test_posterior_of_faces_that_no_head_held_out_is_the_final_heads() -> None:
    known = training_set([1, 1, 1])
    head = train_head(learned(known, assign_folds(known.people, 0)), DEFAULT_TOPOLOGY, 0, lambda *_: None)
    # Among strangers and alone, so in batches of other sizes, which some processors multiply in another order.
    np.testing.assert_allclose(head.posterior, head.predict(known.encodings), rtol=0, atol=1e-6)
