"""A topology as a Keras model."""

from itertools import pairwise

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from constants.faces import ENCODING_SIZE
from modelization.decision.background import Background
from modelization.exact_products import fixed_layer
from modelization.topology import Topology


def make_deterministic(seed: int) -> None:
    """One thread and seeded operations: the same faces and seed give the same weights on a CPU.

    Raises ``RuntimeError`` where this process has already used TensorFlow in other ways.
    """
    use_one_thread()
    tf.config.experimental.enable_op_determinism()
    keras.utils.set_random_seed(seed)


def use_one_thread() -> None:
    """Workers are one compute thread each; TensorFlow takes that before its first operation, and once more after it."""
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)


def build_network(topology: Topology, people: int, background: Background, seed: int) -> keras.Model:
    """A head that takes raw encodings, float32 (n, 128), and gives a posterior, float32 (n, people + 1).

    The last is that of a stranger. Encodings get unit length inside, so that whoever uses the model alone cannot
    forget it, and a layer that is not trained tells apart what differs between people at large.
    """
    use_one_thread()
    encodings = keras.Input((ENCODING_SIZE,), name="encodings")
    hidden = keras.layers.UnitNormalization(name="unit")(encodings)
    hidden = fixed_layer(background.table, background.offset, "background")(hidden)
    for number, layer in enumerate(topology.layers):
        hidden = keras.layers.Dense(
            layer.units,
            activation=layer.activation,
            kernel_initializer=_initializer(number, seed),
            name=f"hidden_{number}",
        )(hidden)
        if layer.dropout:
            hidden = keras.layers.Dropout(layer.dropout, seed=seed + number, name=f"dropout_{number}")(hidden)
    posterior = keras.layers.Dense(
        people + 1,
        activation="softmax",
        kernel_initializer=_initializer(len(topology.layers), seed),
        name="posterior",
    )(hidden)
    return keras.Model(encodings, posterior, name="head")


def initial_weights(topology: Topology, people: int, seed: int) -> list[npt.NDArray[np.float32]]:
    """What ``build_network`` starts from: kernel (in, out) and bias (out,) of each layer in turn."""
    sizes = [ENCODING_SIZE, *(layer.units for layer in topology.layers), people + 1]
    weights = []
    for number, (before, after) in enumerate(pairwise(sizes)):
        kernel = np.asarray(_initializer(number, seed)((before, after)), np.float32)
        weights += [kernel, np.zeros(after, np.float32)]
    return weights


def _initializer(layer: int, seed: int) -> keras.initializers.Initializer:
    return keras.initializers.GlorotUniform(seed=seed + layer)
