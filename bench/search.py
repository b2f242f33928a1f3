"""The topology search: against Keras one topology after another, random search, a wide layer, and the rule alone."""

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
from modelization.decision.decision_rule import LEARNED, NETWORK
from modelization.decision.evidence import weigh_evidence
from modelization.decision.gallery import enrol
from modelization.decision.held_out import examine
from modelization.decision.prior import Prior, prior_of
from modelization.folds import NEVER
from modelization.head_training import LEARNING_RATE, MAX_EPOCHS, forget_networks, train_head
from modelization.network import build_network, make_deterministic
from modelization.open_training_set import OpenTrainingSet
from modelization.search.network_gain import network_gain
from modelization.search.open_set_trial import OpenSetTrial
from modelization.search.population_program import JUDGE_EVERY
from modelization.search.population_training import PopulationTrainer
from modelization.search.search_options import SEARCH_GENERATIONS, SEARCH_LAYERS, SEARCH_POPULATION, SearchOptions
from modelization.search.topology_search import (
    ALWAYS,
    WIDE_TOPOLOGY,
    SearchResult,
    search_topology,
    to_topology,
    topology_space,
)
from modelization.topology import Topology
from preprocessor.version import pipeline_version

#: Least pictures of the people in the two sets.
SETS = 10, 20
#: Folds that a search judges by.
FOLDS = 3
#: Topologies of the population, and every how many of them Keras trains: they are drawn independently, so that the
#: others would take as long on average.
TOPOLOGIES, QUICK_TOPOLOGIES = 64, 8
KERAS_EVERY = 4
#: Draws of dropout that the population's accuracy is the mean of: all its candidates share one.
DRAWS = 3
#: Generations of a search.
GENERATIONS, QUICK_GENERATIONS = 20, 3
#: Seeds of the comparison with random search, and its generations: a fifth of a search's, so that ten take minutes.
SEEDS, QUICK_SEEDS = 10, 1
COMPARED_GENERATIONS = 4
#: Searches in one process, whose memory is looked at.
SEARCHES, QUICK_SEARCHES = 6, 4
#: Seed of the folds on which a search's choice meets the default; the search has seen those of seed 0.
UNSEEN = 1
#: Share of strangers that is asked for, and people with too few pictures for a set who are the strangers of the choice,
#: a picture of each.
TARGET_FPIR = 0.01
STRANGERS, QUICK_STRANGERS = 1000, 200

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
    strangers = _strangers(options.dataset, min(SETS), QUICK_STRANGERS if quick else STRANGERS)
    samples["strangers"] = len(strangers)
    figures = {"rss_growth_mb": _rss_growth(sets[20], QUICK_SEARCHES if quick else SEARCHES)}
    for least, faces in sets.items():
        search = SearchOptions(generations, time_budget_s=3600)
        seconds, result = timed(search_topology, _trial(faces, _folds(faces, 0)), search, None, lambda _: None)
        met = {"search_seconds": seconds} | _met(faces, strangers, result)
        figures |= {f"{name}_{least}": value for name, value in met.items()}
        samples[f"candidates_{least}"] = result.evaluated
    for name in ("search_seconds", "gain_over_rule"):
        figures[name] = figures[f"{name}_{min(SETS)}"]
    figures |= _against_random(sets[20], QUICK_SEEDS if quick else SEEDS, min(generations, COMPARED_GENERATIONS))
    figures |= _against_keras(sets[10], QUICK_TOPOLOGIES if quick else TOPOLOGIES)
    samples |= {"topologies": QUICK_TOPOLOGIES if quick else TOPOLOGIES, "epochs": MAX_EPOCHS}
    report("search", figures, samples)


def _learned(faces: TrainingSet, folds: _Folds) -> OpenTrainingSet:
    """The faces beside strangers, as a build learns from them."""
    return OpenTrainingSet(faces, folds, _prior().background)


def _trial(faces: TrainingSet, folds: _Folds) -> OpenSetTrial:
    """The same, judged as a build with a search judges them."""
    return OpenSetTrial(_learned(faces, folds), _prior(), TARGET_FPIR)


def _prior() -> Prior:
    return prior_of(pipeline_version(Settings(detector="cascade")))


def _files(dataset: Path) -> dict[str, list[Path]]:
    """The pictures of each person."""
    people = sorted(person for person in dataset.iterdir() if person.is_dir())
    return {person.name: sorted(person.glob("*.jpg")) for person in people}


def _strangers(dataset: Path, fewer: int, count: int) -> npt.NDArray[np.float32]:
    """Encodings (n, 128) of a picture of each of so many people who have fewer pictures."""
    firsts = [pictures[0] for pictures in _files(dataset).values() if 0 < len(pictures) < fewer]
    chosen = np.random.default_rng(0).permutation(len(firsts))[:count]
    return _encoded([(number, firsts[number]) for number in chosen.tolist()])[0]


def _encoded(pictures: list[tuple[int, Path]]) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    with tempfile.TemporaryDirectory() as folder:
        encoded = labelled_faces.encode(pictures, (), Settings(data_dir=Path(folder), detector="cascade"))
    return encoded.encodings[""], encoded.people.astype(np.int64)


def _faces(dataset: Path, least: int) -> TrainingSet:
    """The people with at least so many pictures, encoded as a service does it."""
    files = _files(dataset)
    labels = tuple(person for person, pictures in files.items() if len(pictures) >= least)
    if len(labels) < 2:
        sys.exit(f"{dataset} has no two people with {least} pictures each.")
    pictures = [(number, file) for number, person in enumerate(labels) for file in files[person]]
    return TrainingSet(*_encoded(pictures), labels)


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
        search_topology(_trial(some, _folds(some, 0)), SearchOptions(2, seed=number), None, lambda _: None)
        forget_networks()
        sizes.append(psutil.Process().memory_info().rss / 1e6)
    return sizes[-1] - sizes[1]


def _met(faces: TrainingSet, strangers: npt.NDArray[np.float32], result: SearchResult) -> dict[str, float]:
    """What the chosen topology loses beside a wide layer, and gains over the rule alone, on folds unseen by the search.

    The errors are shares of known faces not named rightly where 1 % of the ``strangers``, who are real, are named.
    ``paired_p`` is the exact two-sided McNemar test on faces that one of the two misses and the other does not.
    """
    chosen, alone = _margins(faces, strangers, result.chosen.topology)
    wide, _ = _margins(faces, strangers, WIDE_TOPOLOGY)
    lost, won = int(((chosen <= 0) & (wide > 0)).sum()), int(((chosen > 0) & (wide <= 0)).sum())
    tail = sum(comb(lost + won, k) for k in range(min(lost, won) + 1)) / 2.0 ** (lost + won)
    gain = network_gain(alone, chosen, faces.people, UNSEEN)
    assert gain
    figures = {
        "parameters_share": result.chosen.parameters / result.wide.parameters,
        "layers": result.chosen.layers,
        "error_chosen": float((chosen <= 0).mean()),
        "error_wide": float((wide <= 0).mean()),
        "error_alone": gain.alone,
        "paired_p": min(1.0, 2 * tail),
        "gain_over_rule": gain.gained,
        "gain_over_rule_low": gain.low,
        "gain_over_rule_high": gain.high,
    }
    if result.gain:
        figures["gain_told"] = result.gain.gained
    return figures


def _margins(
    faces: TrainingSet, strangers: npt.NDArray[np.float32], topology: Topology
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Nats above the threshold of each face that is likest to its own person, else less than any.

    By heads that had not seen it, and by the rule alone.
    """
    prior, folds = _prior(), _folds(faces, UNSEEN)
    head = train_head(_learned(faces, folds), topology, UNSEEN, lambda *_: None)
    held_out = examine(faces, folds, head.posterior, prior)
    gallery = enrol(faces.encodings, faces.people, len(faces.labels))
    evidence = weigh_evidence(prior.model, gallery, strangers, head.predict(strangers))
    margins = []
    for rule in (NETWORK, LEARNED):
        best = prior.rules[rule].rule.logits(evidence).max(axis=1)
        threshold = np.quantile(best, 1 - TARGET_FPIR, method="higher")
        found = held_out[rule]
        margins.append(np.where(found.likest == found.people, found.highest - threshold, -np.inf))
    return margins[0], margins[1]


def _against_random(faces: TrainingSet, seeds: int, generations: int) -> dict[str, float]:
    """In how many of ``seeds`` seeds the search's hypervolume is at least random search's, evaluations being equal."""
    found, drawn = [], []
    folds = _folds(faces, 0)
    for seed in progress(range(seeds), "searching at random"):
        options = SearchOptions(generations, time_budget_s=3600, seed=seed)
        result = search_topology(_trial(faces, folds), options, None, lambda _: None)
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
    with PopulationTrainer(_trial(faces, folds), seed) as trainer:
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

    The speed-up counts the compiling of the population's programs, ``population_speedup_compiled`` does not, and
    ``population_speedup_search`` counts it once for as many topologies as a search has.
    """
    held_out = _folds(faces, 0) == 0
    rng, space = np.random.default_rng(0), topology_space(SEARCH_LAYERS)
    drawn: dict[Topology, None] = {}
    while len(drawn) < count:
        drawn[to_topology(space.draw(rng))] = None
    topologies = list(drawn)
    make_deterministic(0)
    with PopulationTrainer(_trial(faces, np.where(held_out, 0, NEVER)), 0) as trainer:
        cold, trained = timed(trainer.fit, topologies, MAX_EPOCHS)
        warm, _ = timed(trainer.fit, topologies, MAX_EPOCHS)
    models: list[keras.Model] = []
    theirs = 0.0
    for topology in progress(topologies[::KERAS_EVERY], "Keras, one after another"):
        seconds, model = timed(_fit, faces, held_out, topology)
        theirs += seconds
        models.append(model)
    theirs *= len(topologies) / len(models)
    populations = SEARCH_GENERATIONS * SEARCH_POPULATION / len(topologies)
    reached = np.mean([_accuracy(model, faces, held_out) for model in models])
    draws = [_population_accuracy(models, trained, faces, held_out)]
    for draw in range(1, DRAWS):
        with PopulationTrainer(_trial(faces, np.where(held_out, 0, NEVER)), 0, draw) as trainer:
            draws.append(_population_accuracy(models, trainer.fit(topologies, MAX_EPOCHS), faces, held_out))
    return {
        "population_speedup": theirs / cold,
        "population_speedup_compiled": theirs / warm,
        "population_speedup_search": theirs * populations / (cold + (populations - 1) * warm),
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
        for variable, value in zip(model.trainable_variables, weights, strict=True):
            variable.assign(value)
        accuracies.append(_accuracy(model, faces, held_out))
    return float(np.mean(accuracies))


def _fit(faces: TrainingSet, held_out: npt.NDArray[np.bool_], topology: Topology) -> keras.Model:
    """Keras' own loop over the same steps, which looks at the held-out loss as often."""
    everyone = _learned(faces, np.where(held_out, 0, NEVER))
    model = build_network(topology, everyone.people, everyone.background, 0)
    loss = keras.losses.SparseCategoricalCrossentropy(reduction="sum")
    model.compile(keras.optimizers.Adam(LEARNING_RATE), loss)
    is_held_out = everyone.folds == 0
    learn, judge = ((everyone.encodings[rows], everyone.classes[rows]) for rows in (~is_held_out, is_held_out))
    model.fit(
        *learn,
        sample_weight=everyone.weights(~is_held_out)[~is_held_out],
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
