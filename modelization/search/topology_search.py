"""The search for the network with the fewest layers that loses no accuracy."""

import hashlib
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from constants.faces import ENCODING_SIZE
from features.training_set import TrainingSet
from modelization.bundle.manifest import SearchSummary
from modelization.folds import NEVER, assign_folds
from modelization.network import make_deterministic
from modelization.open_training_set import OpenTrainingSet
from modelization.search.network_gain import NetworkGain, network_gain
from modelization.search.open_set_trial import OpenSetTrial
from modelization.search.population_training import Judgement, PopulationTrainer
from modelization.search.search_options import SEARCH_MAX_UNITS, SearchOptions
from modelization.search.topology_choice import JudgedTopology, choose
from modelization.topology import ACTIVATIONS, DEFAULT_TOPOLOGY, Layer, Topology
from modelization.training_progress import FrontPoint, SearchProgress
from optimization.evolution import Evolution, Limits, Problem, StopReason, evolve
from optimization.evolution_file import EvolutionFile
from optimization.genome import Choice, Genome, Size, Space
from optimization.individual import Individual, Score

#: Least units that a hidden layer of a candidate may have.
_SEARCH_MIN_UNITS = 2
#: Shares of a layer's outputs that training may drop.
_SEARCH_DROPOUTS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5)
#: Most faces times people that a search looks at, 4 MiB for each network's answers; of a larger set it takes a part
#: of the people. 100 people with 100 faces each are within it.
SEARCH_MAX_ANSWERS = 2**20
#: Standard errors by which an error may exceed the lesser of those of the two always judged, for fewer
#: parameters to count.
_BEARABLE_STANDARD_ERRORS = 1.0

#: A head with a hidden layer as wide as any.
WIDE_TOPOLOGY = Topology((Layer(SEARCH_MAX_UNITS),))
#: The first candidates of every search, trained to their end whatever they promise: without a hidden layer, and that.
ALWAYS = DEFAULT_TOPOLOGY, WIDE_TOPOLOGY


@dataclass(frozen=True)
class SearchResult:
    """What a search found.

    ``front`` is the Pareto front of error, layers and parameters; ``best_error`` and ``mean_error`` are by generation,
    the mean over its survivors; ``lineage`` holds the chosen topology and all that it descends from; ``people`` and
    ``faces`` are those that were looked at, and ``target_fpir`` is the share of strangers named meanwhile. ``gain`` is
    what heads of the chosen topology gain over the rule alone, on other folds; None of one person.
    """

    chosen: JudgedTopology
    default: JudgedTopology
    wide: JudgedTopology
    front: tuple[JudgedTopology, ...]
    best_error: tuple[float, ...]
    mean_error: tuple[float, ...]
    lineage: tuple[dict[str, Any], ...]
    people: int
    faces: int
    target_fpir: float
    gain: NetworkGain | None
    evaluated: int
    stopped_by: StopReason
    seconds: float
    options: SearchOptions

    def summary(self) -> SearchSummary:
        """What a manifest says of it."""
        return SearchSummary(**asdict(self.options), evaluated=self.evaluated, stopped_by=self.stopped_by)

    def to_json(self) -> dict[str, Any]:
        """Plain values: all but the seconds, which no two runs have in common."""
        return {
            "chosen": self.chosen.to_json(),
            "default": self.default.to_json(),
            "wide": self.wide.to_json(),
            "front": [judged.to_json() for judged in self.front],
            "best_error": list(self.best_error),
            "mean_error": list(self.mean_error),
            "lineage": list(self.lineage),
            "people": self.people,
            "faces": self.faces,
            "target_fpir": self.target_fpir,
            "gain": self.gain.to_json() if self.gain else None,
            "evaluated": self.evaluated,
            "stopped_by": self.stopped_by,
            "options": asdict(self.options),
        }


def search_topology(
    trial: OpenSetTrial,
    options: SearchOptions,
    state: Path | None,
    report: Callable[[SearchProgress], None],
) -> SearchResult:
    """The smallest topology whose heads lose nothing on the faces that folds hold out, and how it was found.

    The same arguments give the same result, unless the time budget ends the search. It is kept in the file ``state``
    after every generation, and goes on from there after a crash. ``report`` is called several times in a generation;
    ``StopSearch`` from it ends the search with the best so far, anything else is raised. Of very many faces and people
    a part of the people is looked at. Raises ``ValueError`` where no face is held out: there is nothing to judge by.
    """
    if trial.faces.folds.max() == NEVER:
        raise ValueError("A search needs a person with two faces, to judge by the one what was learned of the other.")
    make_deterministic(options.seed)
    search = _Search(trial, options, state, report)
    with search.trainer:
        return search.run()


class _Search:
    """One search: its trainer, its file, and where it stands."""

    def __init__(
        self,
        trial: OpenSetTrial,
        options: SearchOptions,
        state: Path | None,
        report: Callable[[SearchProgress], None],
    ) -> None:
        self._people, self._options, self._report = trial.faces.people, options, report
        self._searched = replace(trial, faces=_part(trial.faces, options.seed))
        self.trainer = PopulationTrainer(self._searched, options.seed)
        self._file = EvolutionFile(state, _subject(trial, options)) if state else None
        self._evolution = (self._file.load() if self._file else None) or Evolution()
        known = [individual.score for individual in self._evolution.individuals[: len(ALWAYS)]]
        self._bearable = _bearable([(score.objectives[0], score.notes["standard_error"]) for score in known])
        self._most = parameters(Topology((Layer(SEARCH_MAX_UNITS),) * options.max_layers), self._people)
        self._start = time.monotonic() - self._evolution.elapsed_s

    def run(self) -> SearchResult:
        options = self._options
        always = tuple(to_genome(topology) for topology in ALWAYS)
        problem = Problem(topology_space(options.max_layers), self._judge, always)
        limits = Limits(options.generations, options.population, options.time_budget_s)
        return self._result(
            evolve(problem, limits, np.random.default_rng(options.seed), self._evolution, self._generation_done)
        )

    def _judge(self, genomes: Sequence[Genome]) -> list[Score]:
        topologies = [to_topology(genome) for genome in genomes]
        judgements = self.trainer.judge(topologies, self._tell, ALWAYS)
        if not self._evolution.individuals:
            known = judgements[: len(ALWAYS)]
            self._bearable = _bearable([(judgement.error, judgement.standard_error) for judgement in known])
        return [self._score(*pair) for pair in zip(topologies, judgements, strict=True)]

    def _score(self, topology: Topology, judgement: Judgement) -> Score:
        """Error, layers and parameters are to be made small.

        Fewer parameters count only where the error is bearable: the search would else spend itself on networks of two
        units, which nothing is smaller than.
        """
        count = parameters(topology, self._people)
        notes = {
            "standard_error": judgement.standard_error,
            "missed": float(judgement.missed.mean()),
            "parameters": count,
            "complete": judgement.complete,
        }
        counted = count if judgement.error <= self._bearable else max(count, self._most)
        return Score((judgement.error, len(topology.layers), counted), notes)

    def _generation_done(self, evolution: Evolution) -> None:
        if self._file:
            self._file.save(evolution)
        self._tell()

    def _tell(self) -> None:
        evolution, options = self._evolution, self._options
        best = min((individual.score.objectives[:2] for individual in evolution.front), default=(None, None))
        self._report(
            SearchProgress(
                generation=len(evolution.history),
                generations=options.generations,
                best_error=best[0],
                layers=best[1] if best[1] is None else int(best[1]),
                evaluated=len(evolution.individuals),
                time_left_s=max(0.0, options.time_budget_s - (time.monotonic() - self._start)),
                front=_front(individual.score.objectives[:2] for individual in evolution.front),
            )
        )

    def _result(self, evolution: Evolution) -> SearchResult:
        judged = [_judged(individual) for individual in evolution.individuals]
        default, wide = judged[: len(ALWAYS)]
        chosen = choose(judged, default)
        assert evolution.stopped_by
        return SearchResult(
            chosen=chosen,
            default=default,
            wide=wide,
            front=tuple(_judged(individual) for individual in evolution.front),
            best_error=tuple(generation.best for generation in evolution.history),
            mean_error=tuple(generation.mean for generation in evolution.history),
            lineage=tuple(_ancestor(individual) for individual in evolution.ancestry(judged.index(chosen))),
            people=self._searched.faces.people,
            faces=len(self._searched.faces.known.people),
            target_fpir=self._searched.target_fpir,
            gain=self._gain(chosen.topology),
            evaluated=len(judged),
            stopped_by=evolution.stopped_by,
            seconds=evolution.elapsed_s,
            options=self._options,
        )

    def _gain(self, chosen: Topology) -> NetworkGain | None:
        """On folds that the search has not seen: of hundreds of topologies, one that is no better has luck on those."""
        faces, seed = self._searched.faces, self._options.seed
        folds = assign_folds(faces.known.people, seed + 1)
        trial = replace(self._searched, faces=OpenTrainingSet(faces.known, folds, faces.background))
        with PopulationTrainer(trial, seed) as trainer:
            (judgement,) = trainer.judge([chosen], lambda: None, [chosen])
        return network_gain(trial.margins_alone(), judgement.margins, trial.people, seed)


def _front(judged: Iterable[Sequence[float]]) -> tuple[FrontPoint, ...]:
    """The errors and layers of topologies that no other one beats in both."""
    front: list[FrontPoint] = []
    for layers, error in sorted((int(layers), error) for error, layers in judged):
        if not front or error < front[-1].error:
            front.append(FrontPoint(layers, error))
    return tuple(front)


def _part(faces: OpenTrainingSet, seed: int) -> OpenTrainingSet:
    """As many people, with all their faces, as a search looks at; those with held-out faces before others."""
    known, folds = faces.known, faces.known_folds
    order = np.random.default_rng(seed).permutation(faces.people)
    judged = np.isin(order, known.people[folds != NEVER])
    order = np.concatenate([order[judged], order[~judged]])
    answers = np.cumsum(known.faces_per_person[order]) * np.arange(1, len(order) + 1)
    people = np.sort(order[: max(2, int((answers <= SEARCH_MAX_ANSWERS).sum()))])
    rows = np.isin(known.people, people)
    labels = tuple(known.labels[person] for person in people)
    part = TrainingSet(known.encodings[rows], np.searchsorted(people, known.people[rows]), labels)
    return OpenTrainingSet(part, folds[rows], faces.background)


def topology_space(max_layers: int) -> Space:
    """All topologies of at most so many hidden layers; a genome's part is a layer's units, activation and dropout."""
    genes = Size(_SEARCH_MIN_UNITS, SEARCH_MAX_UNITS), Choice(ACTIVATIONS), Choice(_SEARCH_DROPOUTS)
    return Space(genes, max_layers)


def to_topology(genome: Genome) -> Topology:
    """The topology that a genome of ``topology_space`` stands for."""
    return Topology(tuple(Layer(*part) for part in genome))  # type: ignore[arg-type]


def to_genome(topology: Topology) -> Genome:
    """The genome of a topology."""
    return tuple((layer.units, layer.activation, layer.dropout) for layer in topology.layers)


def parameters(topology: Topology, people: int) -> int:
    """Numbers of a head: kernels and biases."""
    sizes = [ENCODING_SIZE, *(layer.units for layer in topology.layers), people + 1]
    return sum((before + 1) * after for before, after in pairwise(sizes))


def _bearable(figures: Sequence[tuple[float, float]]) -> float:
    """The error up to which fewer parameters count, from errors and standard errors of those always judged."""
    return min((error + _BEARABLE_STANDARD_ERRORS * standard_error for error, standard_error in figures), default=0.0)


def _judged(individual: Individual) -> JudgedTopology:
    return JudgedTopology(to_topology(individual.genome), individual.score.objectives[0], **individual.score.notes)


def _ancestor(individual: Individual) -> dict[str, Any]:
    return {
        "number": individual.number,
        "generation": individual.generation,
        "parents": list(individual.parents),
        "topology": to_topology(individual.genome).to_json(),
        "error": individual.score.objectives[0],
    }


def _subject(trial: OpenSetTrial, options: SearchOptions) -> str:
    """What makes a search this one; other limits of time or generations do not."""
    space, rules, faces = topology_space(options.max_layers), trial.prior.rules, trial.faces
    digest = hashlib.sha256(repr((options.population, options.seed, space, trial.target_fpir, rules)).encode())
    for array in (faces.encodings, faces.classes, faces.folds):
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
