"""The genetic algorithm: generation after generation until there is a reason to stop."""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Self

import numpy as np

from optimization.genome import Genome, Space
from optimization.individual import Individual, Score
from optimization.selection import pareto_front, survivors, tournament
from optimization.variation import breed

#: Attempts at a child that was not judged before, after which one is drawn at random.
_NOVELTY_ATTEMPTS = 10

#: Judges all genomes of a generation at once.
Evaluate = Callable[[Sequence[Genome]], Sequence[Score]]

StopReason = Literal["generations", "time_budget", "target", "no_progress", "exhausted", "cancelled"]


class StopSearch(Exception):
    """Raised by ``evaluate`` or ``report`` to end a search with the best so far."""


@dataclass(frozen=True)
class Problem:
    """What is searched: a space, what judges a whole generation, and genomes that the first one must hold."""

    space: Space
    evaluate: Evaluate
    first: tuple[Genome, ...] = ()


@dataclass(frozen=True)
class Limits:
    """When a search ends.

    After ``generations`` of ``population`` genomes each; before a generation that would probably end later than
    ``time_budget_s``; once the first objective is at most ``target``; after ``patience`` generations without a new
    member of the Pareto front.
    """

    generations: int
    population: int
    time_budget_s: float = np.inf
    target: float = -np.inf
    patience: int = 2**31


@dataclass(frozen=True)
class Generation:
    """What a generation left: the least first objective, its mean over the survivors, and how many were ever judged."""

    best: float
    mean: float
    evaluated: int


@dataclass
class Evolution:
    """A search as far as it went; a plain value, so that it can be kept and taken up again.

    ``individuals`` are all that were judged, in order; ``population`` the numbers of those that survive, best first;
    ``best`` those of the Pareto front of all, which is kept because to find it anew takes the square of their number;
    ``random_state`` the generator's after the last generation; ``stale`` counts generations without progress.
    """

    individuals: list[Individual] = field(default_factory=list)
    population: list[int] = field(default_factory=list)
    best: list[int] = field(default_factory=list)
    history: list[Generation] = field(default_factory=list)
    random_state: dict[str, Any] = field(default_factory=dict)
    elapsed_s: float = 0.0
    longest_s: float = 0.0
    stale: int = 0
    stopped_by: StopReason | None = None

    @property
    def front(self) -> list[Individual]:
        """The Pareto front of all that were judged."""
        return [self.individuals[number] for number in self.best]

    def ancestry(self, number: int) -> list[Individual]:
        """An individual and all that it descends from, the oldest first."""
        family, unseen = set(), [number]
        while unseen:
            one = unseen.pop()
            if one not in family:
                family.add(one)
                unseen += self.individuals[one].parents
        return [self.individuals[one] for one in sorted(family)]

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        """What ``to_json`` wrote."""
        individuals = [Individual.from_json(one) for one in value["individuals"]]
        history = [Generation(**one) for one in value["history"]]
        return cls(**(value | {"individuals": individuals, "history": history}))


def evolve(
    problem: Problem,
    limits: Limits,
    rng: np.random.Generator,
    evolution: Evolution | None = None,
    report: Callable[[Evolution], None] = lambda _: None,
) -> Evolution:
    """Search for genomes of small objectives, by NSGA-II (Deb et al. 2002).

    No genome is judged twice. ``report`` is called after every generation with the search so far; kept and given back
    as ``evolution``, it goes on as though it had never stopped. Apart from ``time_budget_s``, the same arguments give
    the same result. Raises whatever ``evaluate`` and ``report`` raise, but ``StopSearch`` only where nothing has been
    judged yet.
    """
    evolution = evolution or Evolution()
    if evolution.random_state:
        rng.bit_generator.state = evolution.random_state
    try:
        while (reason := _reason_to_stop(evolution, limits)) is None:
            if not _next_generation(evolution, problem, limits.population, rng):
                reason = "exhausted"
                break
            report(evolution)
    except StopSearch:
        if not evolution.individuals:
            raise
        reason = "cancelled"
    evolution.stopped_by = reason
    return evolution


def _reason_to_stop(evolution: Evolution, limits: Limits) -> StopReason | None:
    done = evolution.history
    if not done:
        return None
    if done[-1].best <= limits.target:
        return "target"
    if len(done) >= limits.generations:
        return "generations"
    if evolution.stale >= limits.patience:
        return "no_progress"
    return "time_budget" if evolution.elapsed_s + evolution.longest_s > limits.time_budget_s else None


def _next_generation(evolution: Evolution, problem: Problem, size: int, rng: np.random.Generator) -> bool:
    """Add a generation to ``evolution``; false where the space holds nothing new."""
    start = time.monotonic()
    children = _children(evolution, problem, size, rng)
    if not children:
        return False
    scores = problem.evaluate([genome for genome, _ in children])
    generation, before = len(evolution.history), len(evolution.individuals)
    born = [
        Individual(before + place, generation, genome, parents, score)
        for place, ((genome, parents), score) in enumerate(zip(children, scores, strict=True))
    ]
    # Who is beaten stays beaten: the front of all is that of the front before and of those born now.
    evolution.best = sorted(individual.number for individual in pareto_front([*evolution.front, *born]))
    evolution.individuals += born
    alive = survivors([*_population(evolution), *born], size)
    evolution.population = [individual.number for individual in alive]
    errors = [individual.score.objectives[0] for individual in alive]
    evolution.history.append(Generation(min(errors), float(np.mean(errors)), len(evolution.individuals)))
    evolution.stale = 0 if evolution.best[-1] >= before else evolution.stale + 1
    evolution.random_state = dict(rng.bit_generator.state)
    took = time.monotonic() - start
    evolution.elapsed_s, evolution.longest_s = evolution.elapsed_s + took, max(evolution.longest_s, took)
    return True


def _population(evolution: Evolution) -> list[Individual]:
    return [evolution.individuals[number] for number in evolution.population]


def _children(
    evolution: Evolution, problem: Problem, size: int, rng: np.random.Generator
) -> list[tuple[Genome, tuple[int, ...]]]:
    """Genomes that were not judged before, each with the numbers of its parents."""
    parents = _population(evolution)
    known = {individual.genome for individual in evolution.individuals}
    children: dict[Genome, tuple[int, ...]] = {} if parents else dict.fromkeys(problem.first, ())
    for _ in range(size - len(children)):
        child = _child(parents, known | children.keys(), problem.space, rng)
        if child:
            children[child[0]] = child[1]
    return list(children.items())


def _child(
    parents: Sequence[Individual], known: set[Genome], space: Space, rng: np.random.Generator
) -> tuple[Genome, tuple[int, ...]] | None:
    for _ in range(_NOVELTY_ATTEMPTS if parents else 0):
        one, other = tournament(parents, rng), tournament(parents, rng)
        genome = breed(one.genome, other.genome, space, rng)
        if genome not in known:
            return genome, tuple(dict.fromkeys((one.number, other.number)))
    for _ in range(_NOVELTY_ATTEMPTS):
        genome = space.draw(rng)
        if genome not in known:
            return genome, ()
    return None
