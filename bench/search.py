"""The topology search: against Keras one topology after another, against random search, and against the default."""

import os
import statistics
import sys
import tempfile
from math import comb
from pathlib import Path

# As a build does it, before TensorFlow is loaded.
os.environ.update({"TF_ENABLE_ONEDNN_OPTS": "0", "TF_CPP_MIN_LOG_LEVEL": "3"})

import keras
import numpy as np
import numpy.typing as npt
import psutil  # type: ignore[import-untyped]
from sklearn.model_selection import StratifiedKFold

from bench import labelled_faces
from bench.harness import arguments, progress, report, timed
from constants.settings import Settings
from features.training_set import TrainingSet
from modelization.folds import NEVER
from modelization.head_training import LEARNING_RATE, MAX_EPOCHS, balanced_weights, forget_networks, train_head
from modelization.network import build_network, make_deterministic
from modelization.search.population_program import JUDGE_EVERY
from modelization.search.population_training import PopulationTrainer
from modelization.search.search_options import SEARCH_LAYERS, SEARCH_POPULATION, SearchOptions
from modelization.search.topology_search import (
    ALWAYS,
    SearchResult,
    search_topology,
    to_topology,
    topology_space,
)
from modelization.topology import DEFAULT_TOPOLOGY, Topology

#: Least pictures of the people in the two sets.
SETS = 10, 20
#: Folds that a search judges by.
FOLDS = 3
#: Topologies of the population, and every how many of them Keras trains: they are drawn independently, so that the
#: others would take as long on average.
TOPOLOGIES, QUICK_TOPOLOGIES = 64, 8
KERAS_EVERY = 3
#: Draws of dropout that the population's accuracy is the mean of: all its candidates share one.
DRAWS = 5
#: Generations of a search.
GENERATIONS, QUICK_GENERATIONS = 20, 3
#: Seeds of the comparison with random search, and its generations: half of a search's, so that ten take five minutes.
SEEDS, QUICK_SEEDS = 10, 1
COMPARED_GENERATIONS = 10
#: Searches in one process, whose memory is looked at.
SEARCHES, QUICK_SEARCHES = 20, 4
#: Seed of the folds on which a search's choice meets the default; the search has seen those of seed 0.
UNSEEN = 1

_Folds = npt.NDArray[np.int64]
#: Weights of each topology, of each fold.
_Trained = list[list[list[npt.NDArray[np.float32]]]]


def main() -> None:
    options = arguments(__doc__)
    quick = options.quick
    generations = QUICK_GENERATIONS if quick else GENERATIONS
    everyone = _faces(options.dataset, min(SETS))
    sets = {least: _with_pictures(everyone, least) for least in SETS}
    samples = {f"people_{least}": len(faces.labels) for least, faces in sets.items()}
    samples |= {f"pictures_{least}": len(faces.people) for least, faces in sets.items()}
    figures = {"rss_growth_mb": _rss_growth(sets[20], QUICK_SEARCHES if quick else SEARCHES)}
    for least, faces in sets.items():
        search = SearchOptions(generations, time_budget_s=3600)
        seconds, result = timed(search_topology, faces, _folds(faces, 0), search, None, lambda _: None)
        met = {"search_seconds": seconds} | _against_default(faces, result)
        figures |= {f"{name}_{least}": value for name, value in met.items()}
        samples[f"candidates_{least}"] = result.evaluated
    figures["search_seconds"] = figures["search_seconds_10"]
    figures |= _against_random(sets[20], QUICK_SEEDS if quick else SEEDS, min(generations, COMPARED_GENERATIONS))
    figures |= _against_keras(sets[10], QUICK_TOPOLOGIES if quick else TOPOLOGIES)
    samples |= {"topologies": QUICK_TOPOLOGIES if quick else TOPOLOGIES, "epochs": MAX_EPOCHS}
    report("search", figures, samples)


def _faces(dataset: Path, least: int) -> TrainingSet:
    """The people with at least so many pictures, encoded as a service does it."""
    people = sorted(person for person in dataset.iterdir() if person.is_dir())
    files = {person.name: sorted(person.glob("*.jpg")) for person in people}
    labels = tuple(person for person, pictures in files.items() if len(pictures) >= least)
    if len(labels) < 2:
        sys.exit(f"{dataset} has no two people with {least} pictures each.")
    pictures = [(number, file) for number, person in enumerate(labels) for file in files[person]]
    with tempfile.TemporaryDirectory() as folder:
        encoded = labelled_faces.encode(pictures, (), Settings(data_dir=Path(folder), detector="cascade"))
    return TrainingSet(encoded.encodings[""], encoded.people.astype(np.int64), labels)


def _with_pictures(faces: TrainingSet, least: int) -> TrainingSet:
    """The people who have at least so many pictures with a face."""
    return _people(faces, np.flatnonzero(faces.faces_per_person >= least))


def _people(faces: TrainingSet, chosen: npt.NDArray[np.int64]) -> TrainingSet:
    rows = np.isin(faces.people, chosen)
    labels = tuple(faces.labels[person] for person in chosen)
    return TrainingSet(faces.encodings[rows], np.searchsorted(chosen, faces.people[rows]), labels)


def _folds(faces: TrainingSet, seed: int) -> _Folds:
    folds = np.empty(len(faces.people), np.int64)
    split = StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(faces.people, faces.people)
    for fold, (_, held_out) in enumerate(split):
        folds[held_out] = fold
    return folds


def _rss_growth(faces: TrainingSet, searches: int) -> float:
    """MB that the process grows by after its second search; each search is of other people, so of other sizes."""
    sizes: list[float] = []
    for number in progress(range(searches), "searching again and again"):
        some = _people(faces, np.arange(len(faces.labels) - number % 5))
        search_topology(some, _folds(some, 0), SearchOptions(2, seed=number), None, lambda _: None)
        forget_networks()
        sizes.append(psutil.Process().memory_info().rss / 1e6)
    return sizes[-1] - sizes[1]


def _against_default(faces: TrainingSet, result: SearchResult) -> dict[str, float]:
    """What the chosen topology has and loses as an ordinary Keras head, on folds that the search has not seen.

    ``paired_p`` is the exact two-sided McNemar test on faces that one of the two names wrongly and the other does not.
    """
    chosen, default = (_wrong(faces, topology) for topology in (result.chosen.topology, DEFAULT_TOPOLOGY))
    lost, won = int((chosen & ~default).sum()), int((~chosen & default).sum())
    tail = sum(comb(lost + won, k) for k in range(min(lost, won) + 1)) / 2.0 ** (lost + won)
    return {
        "parameters_share": result.chosen.parameters / result.default.parameters,
        "layers": result.chosen.layers,
        "error_chosen": float(chosen.mean()),
        "error_default": float(default.mean()),
        "paired_p": min(1.0, 2 * tail),
    }


def _wrong(faces: TrainingSet, topology: Topology) -> npt.NDArray[np.bool_]:
    """Which faces heads that had not seen them name wrongly."""
    head = train_head(faces, _folds(faces, UNSEEN), topology, UNSEEN, lambda *_: None)
    return np.asarray(head.posterior.argmax(axis=1) != faces.people)


def _against_random(faces: TrainingSet, seeds: int, generations: int) -> dict[str, float]:
    """In how many of ``seeds`` seeds the search's hypervolume is at least random search's, evaluations being equal."""
    found, drawn = [], []
    folds = _folds(faces, 0)
    for seed in progress(range(seeds), "searching at random"):
        options = SearchOptions(generations, time_budget_s=3600, seed=seed)
        result = search_topology(faces, folds, options, None, lambda _: None)
        found.append(_hypervolume([(one.layers, one.error) for one in result.front]))
        drawn.append(_hypervolume(_random_search(faces, folds, result.evaluated, seed)))
    wins = sum(ours >= theirs for ours, theirs in zip(found, drawn, strict=True))
    more = statistics.median(ours - theirs for ours, theirs in zip(found, drawn, strict=True))
    return {"hypervolume_wins_of_10": 10 * wins / seeds, "hypervolume_gain": more}


def _random_search(faces: TrainingSet, folds: _Folds, evaluations: int, seed: int) -> list[tuple[int, float]]:
    """Layers and errors of topologies drawn from the same space, judged in the same way, the two givens among them."""
    rng, space = np.random.default_rng(seed), topology_space(SEARCH_LAYERS)
    drawn = dict.fromkeys(ALWAYS)
    while len(drawn) < evaluations:
        drawn[to_topology(space.draw(rng))] = None
    topologies, judged = list(drawn), []
    with PopulationTrainer(faces, folds, seed) as trainer:
        for start in range(0, evaluations, SEARCH_POPULATION):
            batch = topologies[start : start + SEARCH_POPULATION]
            errors = [judgement.error for judgement in trainer.judge(batch, lambda: None, ALWAYS)]
            judged += [(len(topology.layers), error) for topology, error in zip(batch, errors, strict=True)]
    return judged


def _hypervolume(judged: list[tuple[int, float]]) -> float:
    """Area of layers and error that is dominated, below one layer more than allowed and an error of one."""
    least = [
        min((error for layers, error in judged if layers <= limit), default=1.0) for limit in range(SEARCH_LAYERS + 1)
    ]
    return sum(1 - error for error in least)


def _against_keras(faces: TrainingSet, count: int) -> dict[str, float]:
    """Times and held-out accuracy of one population and of Keras' ``fit``: same epochs, faces and starts.

    The speed-up counts the compiling of the population's programs, ``population_speedup_compiled`` does not.
    """
    held_out = _folds(faces, 0) == 0
    rng, space = np.random.default_rng(0), topology_space(SEARCH_LAYERS)
    drawn: dict[Topology, None] = {}
    while len(drawn) < count:
        drawn[to_topology(space.draw(rng))] = None
    topologies = list(drawn)
    make_deterministic(0)
    with PopulationTrainer(faces, np.where(held_out, 0, NEVER), 0) as trainer:
        cold, trained = timed(trainer.fit, topologies, MAX_EPOCHS)
        warm, _ = timed(trainer.fit, topologies, MAX_EPOCHS)
    models, theirs = [], 0.0
    for topology in progress(topologies[::KERAS_EVERY], "Keras, one after another"):
        seconds, model = timed(_fit, faces, held_out, topology)
        theirs += seconds
        models.append(model)
    theirs *= len(topologies) / len(models)
    reached = np.mean([_accuracy(model, faces, held_out) for model in models])
    draws = [_population_accuracy(models, trained, faces, held_out)]
    for draw in range(1, DRAWS):
        with PopulationTrainer(faces, np.where(held_out, 0, NEVER), 0, draw) as trainer:
            draws.append(_population_accuracy(models, trainer.fit(topologies, MAX_EPOCHS), faces, held_out))
    return {
        "population_speedup": theirs / cold,
        "population_speedup_compiled": theirs / warm,
        "population_seconds": cold,
        "keras_seconds": theirs,
        "accuracy_population": float(np.mean(draws)),
        "accuracy_population_sd": float(np.std(draws, ddof=1)),
        "accuracy_keras": float(reached),
    }


def _population_accuracy(
    models: list[keras.Model], trained: _Trained, faces: TrainingSet, held_out: npt.NDArray[np.bool_]
) -> float:
    """Mean held-out accuracy of a population whose weights Keras' own networks take over."""
    accuracies = []
    for model, (weights,) in zip(models, trained[::KERAS_EVERY], strict=True):
        model.set_weights(weights)
        accuracies.append(_accuracy(model, faces, held_out))
    return float(np.mean(accuracies))


def _fit(faces: TrainingSet, held_out: npt.NDArray[np.bool_], topology: Topology) -> keras.Model:
    """Keras' own loop over the same steps, which looks at the held-out loss as often."""
    model = build_network(topology, len(faces.labels), 0)
    loss = keras.losses.SparseCategoricalCrossentropy(reduction="sum")
    model.compile(keras.optimizers.Adam(LEARNING_RATE), loss)
    learn, judge = ((faces.encodings[rows], faces.people[rows]) for rows in (~held_out, held_out))
    model.fit(
        *learn,
        sample_weight=balanced_weights(learn[1]),
        batch_size=len(learn[1]),
        epochs=MAX_EPOCHS,
        shuffle=False,
        validation_data=judge,
        validation_freq=JUDGE_EVERY,
        validation_batch_size=len(judge[1]),
        verbose=0,
    )
    return model


def _accuracy(model: keras.Model, faces: TrainingSet, held_out: npt.NDArray[np.bool_]) -> float:
    posterior = np.asarray(model(faces.encodings[held_out], training=False))
    return float((posterior.argmax(axis=1) == faces.people[held_out]).mean())


if __name__ == "__main__":
    main()
