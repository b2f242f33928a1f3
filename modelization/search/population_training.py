"""Training and judging many topologies at once, on folds of the same faces."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from features.training_set import TrainingSet
from modelization.head_training import MAX_EPOCHS, MIN_IMPROVEMENT, PATIENCE
from modelization.network import initial_weights
from modelization.search.population_layout import (
    gather,
    genes_of,
    round_up,
    stack,
    unstack,
    untrained,
    weights_of,
)
from modelization.search.population_program import NOBODY, NOISE_PLACES, Networks, Task, Until
from modelization.search.population_session import PopulationSession
from modelization.search.search_options import SEARCH_MAX_UNITS
from modelization.topology import Topology

#: People are padded to a multiple of this, so that sets of like size share compiled programs.
_PEOPLE_PADDING = 16
#: Candidates that one compiled call trains, each with a network for every fold. A call costs the same for fewer,
#: and more are no faster on a CPU.
BATCH_CANDIDATES = 2
#: Epochs at which the worse candidates of a depth stop.
_RUNGS = (10, 30)
#: One in so many candidates trains on after a rung (Jamieson and Talwalkar 2016 use 2 to 4).
_HALVING = 3
#: What a nat of held-out cross-entropy adds to the held-out error. On small sets many candidates name every face
#: rightly; of those the surer ones are better.
_CROSS_ENTROPY_WEIGHT = 0.01

_Floats = npt.NDArray[np.float32]

#: Patience that never ends, in epochs.
_FOREVER = 2**30


@dataclass(frozen=True)
class Judgement:
    """What heads of a topology say of the faces they had not seen, each at its epoch of lowest held-out loss.

    ``cross_entropy`` float32 (n,) in nats and ``wrong`` bool (n,) of every face that a fold holds out, in the order
    of the faces. ``epochs`` of each fold; where training was not ``complete``, others of its depth did better early.
    """

    cross_entropy: _Floats
    wrong: npt.NDArray[np.bool_]
    epochs: tuple[int, ...]
    complete: bool

    @property
    def error(self) -> float:
        """Share of faces named wrongly, plus a hundredth of the mean cross-entropy.

        The share alone is the same, often zero, for most topologies on a small set; among those, the one
        that is surer of held-out faces is the better one. A nat counts as much as a hundredth of the faces, so that
        it decides where shares are alike and nowhere else.
        """
        return float(self.wrong.mean() + _CROSS_ENTROPY_WEIGHT * self.cross_entropy.mean(dtype=np.float64))

    @property
    def standard_error(self) -> float:
        """Of ``error``, over the faces; one wrong face is added, since none wrong of n is no proof of none ever."""
        n = len(self.wrong)
        share = (self.wrong.sum() + 1) / (n + 1)
        spread = _CROSS_ENTROPY_WEIGHT * self.cross_entropy.std(dtype=np.float64)
        return float(np.sqrt((share * (1 - share) + spread**2) / n))


@dataclass
class _Training:
    """A candidate, where its networks stand, and whether they were trained to their end."""

    topology: Topology
    networks: Networks
    complete: bool = True

    @property
    def patient(self) -> bool:
        """Whether the held-out loss of some fold may yet fall."""
        return bool((self.networks.epoch - self.networks.best_epoch < PATIENCE).any())


class PopulationTrainer:
    """Trains heads of many topologies on every fold's faces, from the starts that ``build_network`` gives them.

    The optimiser, the weights of faces and the rule of stopping are those of ``modelization.head_training``, but the
    held-out loss is looked at every few epochs only, and dropout has noise of its own. To be used in a ``with``, which
    gives compiled programs back.
    """

    def __init__(self, faces: TrainingSet, folds: npt.NDArray[np.int64], seed: int, draw: int = 0) -> None:
        """``folds`` as from ``assign_folds``, at least one face held out; dropout is that of ``seed`` and ``draw``."""
        self._people, self._folds, self._seed = len(faces.labels), int(folds.max()) + 1, seed
        self._held_out = [np.flatnonzero(folds == fold) for fold in range(self._folds)]
        learned = [np.flatnonzero(folds != fold) for fold in range(self._folds)]
        room = round_up(self._people, _PEOPLE_PADDING)
        nobody = np.where(np.arange(room) < self._people, 0.0, NOBODY)[:, None].astype(np.float32)
        learn, judge = gather(faces, learned), gather(faces, self._held_out)
        size = SEARCH_MAX_UNITS, learn.inputs.shape[-1] + NOISE_PLACES
        noise = np.random.default_rng((seed, draw)).random(size, np.float32)
        self._task = Task(learn, judge, nobody, noise)
        self._session = PopulationSession()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()

    def fit(self, topologies: Sequence[Topology], epochs: int) -> list[list[list[_Floats]]]:
        """Weights after ``epochs``: of each topology, of each fold, as ``TrainedHead.weights`` gives them."""
        trainings = [self._begin(topology) for topology in topologies]
        for bucket in _by_depth(trainings):
            self._train(bucket, _until(epochs, _FOREVER), lambda: None)
        return [
            [weights_of(training.networks, training.topology, self._people, fold) for fold in range(self._folds)]
            for training in trainings
        ]

    def judge(
        self, topologies: Sequence[Topology], report: Callable[[], None], spared: Collection[Topology] = ()
    ) -> list[Judgement]:
        """Held-out judgements, by successive halving among those of a depth (Jamieson and Talwalkar 2016).

        Those ``spared``, at most one of a depth, are trained to their end however they do. ``report`` is called after
        every compiled call; what it raises ends the judging.
        """
        trainings = [self._begin(topology) for topology in topologies]
        for bucket in _by_depth(trainings):
            self._halve(bucket, report, spared)
        return [self._judgement(training) for training in trainings]

    def _begin(self, topology: Topology) -> _Training:
        weights = initial_weights(topology, self._people, self._seed)
        return _Training(topology, untrained(weights, self._task))

    def _halve(self, bucket: Sequence[_Training], report: Callable[[], None], spared: Collection[Topology]) -> None:
        alive = list(bucket)
        for rung, epoch in enumerate((*_RUNGS, MAX_EPOCHS), start=1):
            self._train(alive, _until(epoch, PATIENCE), report)
            alive = [training for training in alive if training.patient and epoch < MAX_EPOCHS]
            alive.sort(key=lambda training: (training.topology not in spared, self._judgement(training).error))
            kept = -(-len(bucket) // _HALVING**rung)
            for training in alive[kept:]:
                training.complete = False
            alive = alive[:kept]

    def _train(self, trainings: Sequence[_Training], until: Until, report: Callable[[], None]) -> None:
        """Train on, a few at a time, so that every call of a depth has the same shapes."""
        for start in range(0, len(trainings), BATCH_CANDIDATES):
            batch = trainings[start : start + BATCH_CANDIDATES]
            room = [*batch, *[batch[0]] * (BATCH_CANDIDATES - len(batch))]
            networks = stack([training.networks for training in room])
            genes = genes_of([training.topology for training in room])
            networks = self._session.train(networks, genes, self._task, until)
            for training, trained in zip(batch, unstack(networks), strict=False):
                training.networks = trained
            report()

    def _judgement(self, training: _Training) -> Judgement:
        """What each face's own fold says of it."""
        networks = training.networks
        order = np.argsort(np.concatenate(self._held_out))
        cross_entropy, wrong = (
            np.concatenate([row[: len(held_out)] for row, held_out in zip(rows, self._held_out, strict=True)])[order]
            for rows in (networks.cross_entropy, networks.wrong)
        )
        return Judgement(cross_entropy, wrong > 0, tuple(networks.best_epoch.tolist()), training.complete)


def _by_depth(trainings: Iterable[_Training]) -> list[list[_Training]]:
    buckets: dict[int, list[_Training]] = {}
    for training in trainings:
        buckets.setdefault(len(training.topology.layers), []).append(training)
    return [buckets[depth] for depth in sorted(buckets)]


def _until(epoch: int, patience: int) -> Until:
    return Until(np.int32(epoch), np.int32(patience), np.float32(MIN_IMPROVEMENT))
