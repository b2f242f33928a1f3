"""Fitting a head: once for each fold to learn how long, then on every face."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from modelization.network import build_network, make_deterministic
from modelization.open_training_set import OpenTrainingSet
from modelization.topology import Topology

#: Adam's step. A full-batch epoch is one step, so it is ten times Keras' default.
LEARNING_RATE = 0.01
#: Epochs after which a fit ends in any case. The prior's rules were learned on heads of as many: longer ones are surer,
#: name as many rightly (100 people with 3 pictures: 98.3 % at 1 % of strangers after 60 as after 150), and weigh more.
MAX_EPOCHS = 60
#: Epochs without a better held-out loss, after which a fit ends.
PATIENCE = 10
#: Nats by which a held-out loss must fall to count as better: what is left of a loss on separable
#: faces shrinks for ever without changing a name.
MIN_IMPROVEMENT = 0.005

#: Called with epochs done and epochs in all, both counted over every fit; what it raises ends the training.
EpochReport = Callable[[int, int], None]

_Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class TrainedHead:
    """A fitted head, and what heads that had not seen a face say of it.

    ``posterior`` is float32 (n, people + 1), the last that of a stranger, each row by the head of the fold that held
    the face out, or by the final head for a face that no fold held out; ``epochs`` is how long that was fitted;
    ``curves`` are, for each fold, the losses in nats of what it held out after 0, 1, 2, … epochs.
    """

    model: keras.Model
    posterior: _Floats
    epochs: int
    curves: tuple[tuple[float, ...], ...]

    def predict(self, encodings: _Floats) -> _Floats:
        """The final head's posterior, (n, people + 1), of raw encodings, (n, 128)."""
        return np.asarray(self.model(encodings, training=False), np.float32)

    def weights(self) -> list[_Floats]:
        """Kernel and bias of each hidden layer and of the posterior, in turn."""
        return [np.asarray(value, np.float32) for value in self.model.trainable_variables]


def forget_networks() -> None:
    """Give back what Keras and TensorFlow keep of networks that are gone."""
    # It collects garbage as well: compiled steps refer to themselves.
    keras.backend.clear_session()


def train_head(faces: OpenTrainingSet, topology: Topology, seed: int, report: EpochReport) -> TrainedHead:
    """Fit a head for each fold until its held-out loss is lowest, then one on every face.

    The last is fitted for the median of the folds' epochs; an epoch is one step over all faces. Fits
    that end early count their remaining epochs as done.
    """
    make_deterministic(seed)
    fits = int(faces.folds.max()) + 2
    progress = _Progress(fits * MAX_EPOCHS, report)
    fit = _Fit(faces, build_network(topology, faces.people, faces.background, seed))
    posterior = np.zeros((len(faces.classes), faces.people + 1), np.float32)
    epochs: list[int] = []
    curves: list[tuple[float, ...]] = []
    for fold in range(fits - 1):
        held_out = faces.folds == fold
        best_epoch, losses = fit.until_best(held_out, progress)
        epochs.append(best_epoch)
        curves.append(losses)
        posterior[held_out] = fit.posterior()[held_out]
    final_epochs = max(1, int(np.median(epochs))) if epochs else MAX_EPOCHS
    fit.for_epochs(final_epochs, progress)
    never = faces.folds < 0
    posterior[never] = fit.posterior()[never]
    return TrainedHead(fit.model, posterior[: len(faces.known.people)], final_epochs, tuple(curves))


class _Progress:
    """Epochs done of all that there could be; what ends early is counted as done."""

    def __init__(self, total: int, report: EpochReport) -> None:
        self._total, self._report, self._done = total, report, 0
        report(0, total)

    def epoch(self) -> None:
        self._done += 1
        self._report(self._done, self._total)

    def fit_ended(self) -> None:
        done = -(-self._done // MAX_EPOCHS) * MAX_EPOCHS
        if done > self._done:
            self._done = done
            self._report(self._done, self._total)


class _Fit:
    """One network fitted again and again from the same start.

    Which faces are learned from is said by weights alone, so that every fit has the same shapes and
    TensorFlow traces the step once: tracing costs more than two hundred steps.
    """

    def __init__(self, faces: OpenTrainingSet, model: keras.Model) -> None:
        self.model = model
        self._faces = faces
        self._inputs, self._targets = tf.constant(faces.encodings), tf.constant(faces.classes)
        optimizer = keras.optimizers.Adam(LEARNING_RATE)
        optimizer.build(model.trainable_variables)
        self._state = [*model.variables, *optimizer.variables]
        self._start = [variable.numpy() for variable in self._state]
        self._step = _make_step(model, optimizer, self._inputs, self._targets)

    def until_best(self, held_out: npt.NDArray[np.bool_], progress: _Progress) -> tuple[int, tuple[float, ...]]:
        """Fit on all but the held-out faces; leave the weights of their lowest loss.

        Returns the epoch of that loss, and the losses of all epochs.
        """
        self._restore(self._start)
        learn, judge = self._weights(~held_out), self._weights(held_out)
        losses: list[float] = []
        best, best_epoch, best_weights = np.inf, 0, [v.numpy() for v in self.model.trainable_variables]
        for epoch in range(MAX_EPOCHS):
            # The step's loss is that of the weights before it, those of ``epoch`` epochs.
            weights = [variable.numpy() for variable in self.model.trainable_variables]
            loss = float(self._step(learn, judge))
            losses.append(loss)
            progress.epoch()
            if loss < best - MIN_IMPROVEMENT:
                best, best_epoch, best_weights = loss, epoch, weights
            elif epoch - best_epoch >= PATIENCE:
                break
        for variable, value in zip(self.model.trainable_variables, best_weights, strict=True):
            variable.assign(value)
        progress.fit_ended()
        return best_epoch, tuple(losses)

    def for_epochs(self, epochs: int, progress: _Progress) -> None:
        """Fit on every face."""
        self._restore(self._start)
        weights = self._weights(np.ones(len(self._faces.classes), bool))
        for _ in range(epochs):
            self._step(weights, weights)
            progress.epoch()
        progress.fit_ended()

    def posterior(self) -> _Floats:
        return np.asarray(self.model(self._inputs, training=False), np.float32)

    def _restore(self, values: list[np.ndarray]) -> None:
        for variable, value in zip(self._state, values, strict=True):
            variable.assign(value)

    def _weights(self, chosen: npt.NDArray[np.bool_]) -> tf.Tensor:
        return tf.constant(self._faces.weights(chosen))


def _make_step(
    model: keras.Model, optimizer: keras.optimizers.Optimizer, inputs: tf.Tensor, targets: tf.Tensor
) -> Callable[[tf.Tensor, tf.Tensor], tf.Tensor]:
    """One epoch as one compiled call: Keras' own loop spends most of its time around the arithmetic."""
    loss_of = keras.losses.SparseCategoricalCrossentropy(reduction="sum")
    drops = any(isinstance(layer, keras.layers.Dropout) for layer in model.layers)

    @tf.function(jit_compile=False)  # type: ignore[untyped-decorator]
    def step(learn: tf.Tensor, judge: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            said = model(inputs, training=True)
            loss = loss_of(targets, said, sample_weight=learn)
        # Without dropout both are of one answer, which is a third of the arithmetic.
        judged = loss_of(targets, model(inputs, training=False) if drops else said, sample_weight=judge)
        optimizer.apply(tape.gradient(loss, model.trainable_variables), model.trainable_variables)
        return judged

    return cast(Callable[[tf.Tensor, tf.Tensor], tf.Tensor], step)
