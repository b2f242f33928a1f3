"""Training and judging many topologies at once, on folds of the same faces."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
import numpy.typing as npt

from modelization.decision.decision_rule import NETWORK
from modelization.head_training import MAX_EPOCHS, MIN_IMPROVEMENT, PATIENCE
from modelization.network import initial_weights
from modelization.search.open_set_trial import OpenSetTrial
from modelization.search.population_layout import (
    gather,
    genes_of,
    lay_out,
    round_up,
    stack,
    unstack,
    untrained,
    weights_of,
)
from modelization.search.population_program import NOBODY, NOISE_PLACES, Networks, Task, Until
from modelization.search.population_session import PopulationSession
from modelization.search.search_options import SEARCH_MAX_UNITS
from modelization.topology import DEFAULT_TOPOLOGY, Topology

#: People are padded to a multiple of this, so that sets of like size share compiled programs.
_PEOPLE_PADDING = 16
#: Candidates that one compiled call trains, each with a network for every fold. A call costs the same for fewer,
#: and more are no faster on a CPU.
BATCH_CANDIDATES = 2
#: Epochs at which the worse candidates of a depth stop.
_RUNGS = (10, 30)
#: One in so many candidates trains on after a rung (Jamieson and Talwalkar 2016 use 2 to 4).
_HALVING = 3
#: What a nat of held-out log loss adds to the held-out error. On small sets many candidates name every face rightly; of
#: those the ones that name them by more are better.
_LOSS_WEIGHT = 0.01

_Floats = npt.NDArray[np.float32]

#: Patience that never ends, in epochs.
_FOREVER = 2**30


@dataclass(frozen=True)
class Judgement:
    """What heads of a topology say of the faces they had not seen, each at its epoch of lowest held-out loss.

    ``margins`` float32 (n,) are the nats by which every known face that a fold holds out is named rightly, in the order
    of the faces (``OpenSetTrial.margins``). ``epochs`` of each fold; where training was not ``complete``, others of its
    depth did better early.
    """

    margins: _Floats
    epochs: tuple[int, ...]
    complete: bool

    @property
    def missed(self) -> npt.NDArray[np.bool_]:
        """Which of the faces are not named rightly."""
        return np.asarray(self.margins <= 0)

    @property
    def error(self) -> float:
        """Share of known faces not named rightly, plus a hundredth of the mean log loss of naming them.

        The share alone is the same, often zero, for most topologies on a small set; among those, the one
        that names held-out faces by more is the better one. A nat counts as much as a hundredth of the faces, so that
        it decides where shares are alike and nowhere else.
        """
        return float(self.missed.mean() + _LOSS_WEIGHT * self._losses.mean())

    @property
    def standard_error(self) -> float:
        """Of ``error``, over the faces; one missed face is added, since none missed of n is no proof of none ever."""
        n = len(self.margins)
        share = (self.missed.sum() + 1) / (n + 1)
        spread = _LOSS_WEIGHT * self._losses.std()
        return float(np.sqrt((share * (1 - share) + spread**2) / n))

    @property
    def _losses(self) -> npt.NDArray[np.float64]:
        """Nats that a logistic rule loses by its margins."""
        return np.logaddexp(0.0, -self.margins.astype(np.float64))


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

    def __init__(self, trial: OpenSetTrial, seed: int, draw: int = 0) -> None:
        """At least one face is held out by a fold; dropout is that of ``seed`` and ``draw``."""
        faces = trial.faces
        self._trial, self._people, self._folds, self._seed = trial, faces.people, len(trial.held_out), seed
        learned = [np.flatnonzero(faces.folds != fold) for fold in range(self._folds)]
        room = round_up(self._people + 1, _PEOPLE_PADDING)
        nobody = np.where(np.arange(room) <= self._people, 0.0, NOBODY)[:, None].astype(np.float32)
        learn, held_out = gather(faces, learned), gather(faces, trial.held_out)
        judge = gather(faces, trial.held_out, trial.unseen)
        but_network = lay_out([said.but_network for said in trial.logits], room, judge.inputs.shape[-1])
        size = SEARCH_MAX_UNITS, learn.inputs.shape[-1] + NOISE_PLACES
        noise = np.random.default_rng((seed, draw)).random(size, np.float32)
        self._task = Task(learn, held_out, judge, but_network, np.float32(trial.network_weight), nobody, noise)
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

    @cached_property
    def _harder(self) -> float:
        """Nats by which real strangers have more than drawn ones, of the topology that the prior knows them of.

        Of any other topology they are taken to have as many more.
        """
        training = self._begin(DEFAULT_TOPOLOGY)
        self._train([training], _until(MAX_EPOCHS, PATIENCE), lambda: None)
        return self._trial.real_threshold(NETWORK) - self._trial.drawn_threshold(training.networks.rival)

    def _judgement(self, training: _Training) -> Judgement:
        """What each face's own fold says of it."""
        networks = training.networks
        threshold = self._trial.drawn_threshold(networks.rival) + self._harder
        margins = self._trial.margins(networks.own, networks.rival, threshold)
        return Judgement(margins, tuple(networks.best_epoch.tolist()), training.complete)


def _by_depth(trainings: Iterable[_Training]) -> list[list[_Training]]:
    buckets: dict[int, list[_Training]] = {}
    for training in trainings:
        buckets.setdefault(len(training.topology.layers), []).append(training)
    return [buckets[depth] for depth in sorted(buckets)]


def _until(epoch: int, patience: int) -> Until:
    return Until(np.int32(epoch), np.int32(patience), np.float32(MIN_IMPROVEMENT))
