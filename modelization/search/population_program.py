"""The program that trains many networks of one depth at once.

Networks lie beside each other in two leading axes, fold and candidate; the arithmetic of all is one batched product
a layer. Widths are masked: a unit that a candidate does not have gives exactly zero and gets exactly no gradient.
Weights stand as (fold, candidate, out, in) and faces in the last axis, so that the first layers of all candidates of
a fold are one large product.
"""

from typing import NamedTuple, cast

import tensorflow as tf

from modelization.decision.evidence import LEAST_POSTERIOR
from modelization.head_training import LEARNING_RATE

#: Epochs between two looks at the held-out loss, which cost a sixth of an epoch each.
JUDGE_EVERY = 5

#: Adam's other constants, Keras' defaults (Kingma and Ba 2015).
BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-7

#: Places of the window over the numbers that decide dropout, a prime above all epochs times layers, and how many it
#: goes on each time, the golden section of them: places come back late and lie far from the ones before.
NOISE_PLACES, NOISE_LEAP = 1601, 989

#: What is added to the logits of people who are padding.
NOBODY = -1e9


class Faces(NamedTuple):
    """Of each fold the faces that are learned from, held out, or judged.

    ``inputs`` float32 (folds, inputs, faces), ``people`` int32 (folds, 1, 1, faces), ``weights`` float32 (folds, 1,
    faces), zero for padding.
    """

    inputs: tf.Tensor
    people: tf.Tensor
    weights: tf.Tensor


class Genes(NamedTuple):
    """What candidates differ in, float32, of each layer: ``curves`` 5 of (candidates, 1, 1), ``masks`` (candidates,
    units, 1) of zeros and ones, ``dropouts`` (candidates, 1, 1).
    """

    curves: tuple[tuple[tf.Tensor, ...], ...]
    masks: tuple[tf.Tensor, ...]
    dropouts: tuple[tf.Tensor, ...]


class Networks(NamedTuple):
    """Where the training of (folds, candidates) networks stands.

    ``weights`` are a kernel and a bias of each layer in turn, ``first`` and ``second`` Adam's moments of them. Of the
    epoch of lowest held-out loss are kept the ``best`` weights, and ``best_loss`` and ``best_epoch``, (folds,
    candidates); with these weights, of every judged face the rule's logits of its ``own`` person and of the likeliest
    other one, its ``rival``, both (folds, candidates, faces).
    """

    epoch: tf.Tensor
    weights: tuple[tf.Tensor, ...]
    first: tuple[tf.Tensor, ...]
    second: tuple[tf.Tensor, ...]
    best: tuple[tf.Tensor, ...]
    best_loss: tf.Tensor
    best_epoch: tf.Tensor
    own: tf.Tensor
    rival: tf.Tensor


class Until(NamedTuple):
    """When training ends: at ``epoch``, or once every network has been ``patience`` epochs without a held-out loss
    that is lower by ``improvement`` nats.
    """

    epoch: tf.Tensor
    patience: tf.Tensor
    improvement: tf.Tensor


class Task(NamedTuple):
    """What all candidates share.

    The faces that are learned from, that are held out, by their loss, and that are judged, by the rule; the rule's
    logits of these but for the network, float32 (folds, 1, people, faces), ``NOBODY`` for who is no person, and what a
    nat of the network's log-odds weighs in them, float32 (); ``NOBODY`` for each of the people who is padding and else
    zero, float32 (people, 1); and what decides dropout, uniform in [0, 1), (units, learned faces + ``NOISE_PLACES``).
    """

    learn: Faces
    held_out: Faces
    judge: Faces
    but_network: tf.Tensor
    network_weight: tf.Tensor
    nobody: tf.Tensor
    noise: tf.Tensor


def train_networks(networks: Networks, genes: Genes, task: Task, until: Until) -> Networks:
    """Networks after further epochs. To be compiled: ``modelization.search.population_session`` does it."""

    def patient(networks: Networks) -> tf.Tensor:
        return networks.epoch - networks.best_epoch < until.patience

    def unfinished(networks: Networks) -> tf.Tensor:
        return tf.logical_and(networks.epoch < until.epoch, tf.reduce_any(patient(networks)))

    def train_and_look(networks: Networks) -> tuple[Networks]:
        still = patient(networks)
        pause = tf.minimum(networks.epoch + JUDGE_EVERY, until.epoch)
        (networks,) = tf.while_loop(
            lambda networks: networks.epoch < pause, lambda networks: (_step(networks, genes, task),), (networks,)
        )
        loss = _held_out_loss(networks, genes, task)
        better = tf.logical_and(still, loss < networks.best_loss - until.improvement)
        return (_keep_best(networks, loss, better),)

    (trained,) = cast(tuple[Networks], tf.while_loop(unfinished, train_and_look, (networks,)))
    return _judge(trained, genes, task)


def _step(networks: Networks, genes: Genes, task: Task) -> Networks:
    """One epoch: a step of Adam as Keras makes it, on the gradient of all faces."""
    with tf.GradientTape() as tape:
        tape.watch(networks.weights)
        logits = _logits(networks.weights, genes, task.learn, _noise(networks.epoch, genes, task)) + task.nobody
        loss = tf.reduce_sum(_cross_entropy(logits, _own(task.learn, task)) * task.learn.weights)
    gradients = tape.gradient(loss, networks.weights)
    epoch = networks.epoch + 1
    time = tf.cast(epoch, tf.float32)
    rate = LEARNING_RATE * tf.sqrt(1 - BETA_2**time) / (1 - BETA_1**time)
    first = tuple(m + (g - m) * (1 - BETA_1) for m, g in zip(networks.first, gradients, strict=True))
    second = tuple(v + (g * g - v) * (1 - BETA_2) for v, g in zip(networks.second, gradients, strict=True))
    weights = tuple(
        w - rate * m / (tf.sqrt(v) + EPSILON) for w, m, v in zip(networks.weights, first, second, strict=True)
    )
    return networks._replace(epoch=epoch, weights=weights, first=first, second=second)


def _held_out_loss(networks: Networks, genes: Genes, task: Task) -> tf.Tensor:
    """Nats of each network, (folds, candidates)."""
    logits = _logits(networks.weights, genes, task.held_out) + task.nobody
    cross_entropy = _cross_entropy(logits, _own(task.held_out, task))
    return tf.reduce_sum(cross_entropy * task.held_out.weights, 2)


def _keep_best(networks: Networks, loss: tf.Tensor, better: tf.Tensor) -> Networks:
    return networks._replace(
        best=tuple(
            tf.where(better[:, :, None, None], weight, best)
            for weight, best in zip(networks.weights, networks.best, strict=True)
        ),
        best_loss=tf.where(better, loss, networks.best_loss),
        best_epoch=tf.where(better, networks.epoch, networks.best_epoch),
    )


def _judge(networks: Networks, genes: Genes, task: Task) -> Networks:
    """Networks with what the rule says by the best of them: once, as strangers are many and logarithms slow."""
    logits = _logits(networks.best, genes, task.judge) + task.nobody
    own = _own(task.judge, task)
    said = task.but_network + task.network_weight * _log_odds(logits)
    return networks._replace(
        own=tf.reduce_sum(tf.where(own, said, 0.0), 2), rival=tf.reduce_max(tf.where(own, NOBODY, said), 2)
    )


def _logits(weights: tuple[tf.Tensor, ...], genes: Genes, faces: Faces, noise: tuple[tf.Tensor, ...] = ()) -> tf.Tensor:
    """(folds, candidates, people, faces); outputs are dropped where ``noise`` says so."""
    folds, candidates, out, _ = weights[0].shape
    # One product for all candidates of a fold, since they share its faces.
    hidden = tf.matmul(tf.reshape(weights[0], (folds, candidates * out, -1)), faces.inputs)
    hidden = tf.reshape(hidden, (folds, candidates, out, -1)) + weights[1]
    for layer, mask in enumerate(genes.masks):
        hidden = _activate(hidden, genes.curves[layer]) * mask
        if noise:
            share = genes.dropouts[layer]
            hidden = tf.where(noise[layer] >= share, hidden / (1 - share), 0.0)
        hidden = tf.matmul(weights[2 * layer + 2], hidden) + weights[2 * layer + 3]
    return hidden


def _activate(z: tf.Tensor, curve: tuple[tf.Tensor, ...]) -> tf.Tensor:
    slope, scale, limit, reach, rate = curve
    rectified = tf.where(z > 0, slope * z, scale * tf.math.expm1(tf.minimum(z, 0.0)))
    return tf.where(slope > 0, rectified, limit + reach * tf.tanh(rate * z))


def _noise(epoch: tf.Tensor, genes: Genes, task: Task) -> tuple[tf.Tensor, ...]:
    """What decides which outputs an epoch drops, uniform in [0, 1), (units, faces) of each layer.

    The same for all candidates: none is luckier than another, and it does not matter beside whom one is trained.
    A window over the same numbers gives every unit and face a new one in each layer and epoch, since drawing them here
    would take longer than all other arithmetic. It leaps, because faces of a person lie beside each other: by small
    steps, a person would keep most of its numbers.
    """
    size = task.noise.shape[0], task.learn.inputs.shape[-1]
    depth = len(genes.masks)
    places = [(epoch * depth + layer) * NOISE_LEAP % NOISE_PLACES for layer in range(depth)]
    return tuple(tf.slice(task.noise, (0, place), size) for place in places)


def _own(faces: Faces, task: Task) -> tf.Tensor:
    """Which person each face shows, bool (folds, 1, people, faces)."""
    # Not ==, which compares objects instead of numbers in a graph of TensorFlow 1.
    return tf.equal(faces.people, tf.range(task.nobody.shape[0])[:, None])


def _cross_entropy(logits: tf.Tensor, own: tf.Tensor) -> tf.Tensor:
    """Nats of each face, (folds, candidates, faces)."""
    return tf.reduce_logsumexp(logits, 2) - tf.reduce_sum(tf.where(own, logits, 0.0), 2)


def _log_odds(logits: tf.Tensor) -> tf.Tensor:
    """Of each person against all the rest, as ``decision.evidence`` has them, of logits (folds, candidates, people,
    faces).
    """
    share = tf.nn.softmax(logits, 2)
    # One less a share of nearly one has no digits left; the sum of the others has.
    is_most = share > 0.5
    others = tf.where(is_most, tf.reduce_sum(tf.where(is_most, 0.0, share), 2, keepdims=True), 1 - share)
    return tf.math.log(tf.maximum(share, LEAST_POSTERIOR)) - tf.math.log(tf.maximum(others, LEAST_POSTERIOR))
