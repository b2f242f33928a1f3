"""How topologies and faces lie in the arrays of a population program."""

from collections.abc import Sequence
from itertools import pairwise
from typing import cast

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from constants.faces import ENCODING_SIZE
from modelization.open_training_set import OpenTrainingSet
from modelization.search.population_program import NOBODY, Faces, Genes, Networks, Task
from modelization.search.search_options import SEARCH_MAX_UNITS
from modelization.topology import Activation, Topology

#: Faces are padded to a multiple of this, so that sets of like size share compiled programs.
_FACES_PADDING = 128
#: Every activation as (slope, scale, limit, reach, rate): a rectifier is slope * z above zero and
#: scale * (exp(z) - 1) below; the others are limit + reach * tanh(rate * z), with slope zero. As numbers, networks
#: of different activations share one program. Constants of SELU: Klambauer et al. (2017).
_CURVES: dict[Activation, tuple[float, float, float, float, float]] = {
    "relu": (1.0, 0.0, 0.0, 0.0, 0.0),
    "elu": (1.0, 1.0, 0.0, 0.0, 0.0),
    "selu": (1.05070098, 1.75809934, 0.0, 0.0, 0.0),
    "tanh": (0.0, 0.0, 0.0, 1.0, 1.0),
    "sigmoid": (0.0, 0.0, 0.5, 0.5, 0.5),
}

_Floats = npt.NDArray[np.float32]


def gather(faces: OpenTrainingSet, chosen: Sequence[npt.NDArray[np.int64]], beside: Sequence[_Floats] = ()) -> Faces:
    """The ``chosen`` faces of each fold, then its strangers ``beside``, which weigh nothing, as does padding."""
    inputs = faces.background.inputs(faces.encodings)
    beside = beside or [inputs[:0]] * len(chosen)
    most = max(len(rows) + len(more) for rows, more in zip(chosen, beside, strict=True))
    folds, room = len(chosen), round_up(most, _FACES_PADDING)
    gathered = Faces(
        np.zeros((folds, ENCODING_SIZE, room), np.float32),
        np.zeros((folds, 1, 1, room), np.int32),
        np.zeros((folds, 1, room), np.float32),
    )
    for fold, (rows, more) in enumerate(zip(chosen, beside, strict=True)):
        end = len(rows) + len(more)
        gathered.inputs[fold, :, : len(rows)] = inputs[rows].T
        gathered.inputs[fold, :, len(rows) : end] = faces.background.inputs(more).T
        gathered.people[fold, 0, 0, len(rows) : end] = faces.people
        gathered.people[fold, 0, 0, : len(rows)] = faces.classes[rows]
        weights = faces.weights(np.isin(np.arange(len(inputs)), rows))
        gathered.weights[fold, 0, : len(rows)] = weights[rows]
    return gathered


def lay_out(logits: Sequence[_Floats], people: int, faces: int) -> _Floats:
    """Logits (n, people) of each fold's faces as (folds, 1, people, faces), ``NOBODY`` where there is no person."""
    laid_out = np.full((len(logits), 1, people, faces), NOBODY, np.float32)
    for fold, said in enumerate(logits):
        laid_out[fold, 0, : said.shape[1], : len(said)] = said.T
    return laid_out


def untrained(weights: Sequence[_Floats], task: Task) -> Networks:
    """One candidate before its first epoch, the same in every fold.

    ``weights`` as ``TrainedHead.weights`` gives them.
    """
    people, (folds, _, judged) = task.nobody.shape[0], task.judge.weights.shape
    padded: list[_Floats] = []
    for kernel, bias in zip(weights[::2], weights[1::2], strict=True):
        last = len(padded) == len(weights) - 2
        out, before = people if last else SEARCH_MAX_UNITS, SEARCH_MAX_UNITS if padded else ENCODING_SIZE
        padded += [_padded(kernel.T, (out, before)), _padded(bias[:, None], (out, 1))]
    each = tuple(np.repeat(weight[None], folds, axis=0) for weight in padded)
    zeros = tuple(np.zeros_like(weight) for weight in each)
    return Networks(
        epoch=np.int32(0),
        weights=each,
        first=zeros,
        second=zeros,
        best=each,
        best_loss=np.full(folds, np.inf, np.float32),
        best_epoch=np.zeros(folds, np.int32),
        own=np.zeros((folds, judged), np.float32),
        rival=np.zeros((folds, judged), np.float32),
    )


def weights_of(networks: Networks, topology: Topology, people: int, fold: int) -> list[_Floats]:
    """A candidate's weights in one fold without their padding, as ``TrainedHead.weights`` gives them."""
    sizes = [ENCODING_SIZE, *(layer.units for layer in topology.layers), people + 1]
    weights = []
    for number, (before, out) in enumerate(pairwise(sizes)):
        kernel, bias = networks.weights[2 * number][fold], networks.weights[2 * number + 1][fold]
        weights += [np.ascontiguousarray(kernel[:out, :before].T), bias[:out, 0].copy()]
    return weights


def genes_of(topologies: Sequence[Topology]) -> Genes:
    """What topologies of one depth differ in."""
    layers = list(zip(*(topology.layers for topology in topologies), strict=True))
    units = np.arange(SEARCH_MAX_UNITS)[None, :, None]
    return Genes(
        tuple(
            tuple(_each(column) for column in zip(*(_CURVES[candidate.activation] for candidate in layer), strict=True))
            for layer in layers
        ),
        tuple((units < _each([candidate.units for candidate in layer])).astype(np.float32) for layer in layers),
        tuple(_each([candidate.dropout for candidate in layer]) for layer in layers),
    )


def stack(networks: Sequence[Networks]) -> Networks:
    """Candidates of one depth and epoch beside each other: the second axis is theirs."""
    epoch = networks[0].epoch
    beside = tf.nest.map_structure(
        lambda *arrays: np.stack(arrays, axis=1), *(network._replace(epoch=()) for network in networks)
    )
    return cast(Networks, beside._replace(epoch=epoch))


def unstack(networks: Networks) -> list[Networks]:
    """The candidates that ``stack`` put together."""
    arrays, epoch = networks._replace(epoch=()), networks.epoch
    return [
        tf.nest.map_structure(lambda array: array[:, number], arrays)._replace(epoch=epoch)  # noqa: B023
        for number in range(arrays.best_loss.shape[1])
    ]


def _each(values: Sequence[float]) -> _Floats:
    """One value for each candidate, where it meets (candidates, units, faces)."""
    return np.asarray(values, np.float32)[:, None, None]


def _padded(array: _Floats, shape: tuple[int, int]) -> _Floats:
    return np.pad(array, [(0, room - size) for room, size in zip(shape, array.shape, strict=True)])


def round_up(number: int, multiple: int) -> int:
    """The least multiple that is no smaller than a number."""
    return -(-number // multiple) * multiple
