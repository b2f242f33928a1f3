from collections.abc import Iterator

import keras
import numpy as np
import pytest

from features.training_set import TrainingSet
from modelization.decision.evidence import weigh_evidence
from modelization.decision.gallery import enrol
from modelization.decision.held_out import examine
from modelization.folds import NEVER, assign_folds
from modelization.head_training import LEARNING_RATE, MAX_EPOCHS, train_head
from modelization.network import build_network, make_deterministic
from modelization.search.population_layout import genes_of, stack, weights_of
from modelization.search.population_program import Until
from modelization.search.population_training import BATCH_CANDIDATES, Judgement, PopulationTrainer
from modelization.topology import ACTIVATIONS, Layer, Topology
from test.modelization.made_up import PRIOR, learned, training_set, trial

pytestmark = pytest.mark.thorough

SEED = 3
LINEAR = Topology(())
WIDE = Topology((Layer(64),))


@pytest.fixture(scope="module")
def faces() -> TrainingSet:
    make_deterministic(SEED)
    return training_set([6, 5, 4, 4, 2, 1])


@pytest.fixture(scope="module")
def folds(faces: TrainingSet) -> np.ndarray:
    return assign_folds(faces.people, SEED)


@pytest.fixture(scope="module")
def trainer(faces: TrainingSet, folds: np.ndarray) -> Iterator[PopulationTrainer]:
    with PopulationTrainer(trial(faces, folds), SEED) as made:
        yield made


def keras_weights(faces: TrainingSet, held_out: np.ndarray, topology: Topology, epochs: int) -> list[np.ndarray]:
    """What Keras' own loop makes of the same start and the same faces and strangers in the same order."""
    everyone = learned(faces, np.where(held_out, 0, NEVER))
    learn = everyone.folds != 0
    model = build_network(topology, len(faces.labels), PRIOR.background, SEED)
    loss = keras.losses.SparseCategoricalCrossentropy(reduction="sum")
    model.compile(keras.optimizers.Adam(LEARNING_RATE), loss)
    encodings, classes = everyone.encodings[learn], everyone.classes[learn]
    model.fit(
        encodings,
        classes,
        sample_weight=everyone.weights(learn)[learn],
        batch_size=len(classes),
        epochs=epochs,
        shuffle=False,
        verbose=0,
    )
    return [np.asarray(weight) for weight in model.trainable_variables]


@pytest.fixture(scope="module")
def held_out(faces: TrainingSet) -> np.ndarray:
    return np.arange(len(faces.people)) % 4 == 0


@pytest.fixture(scope="module")
def one_fold(faces: TrainingSet, held_out: np.ndarray) -> Iterator[PopulationTrainer]:
    with PopulationTrainer(trial(faces, np.where(held_out, 0, NEVER)), SEED) as made:
        yield made


@pytest.mark.parametrize(
    "topology", [LINEAR, *(Topology((Layer(13, activation), Layer(7, activation))) for activation in ACTIVATIONS)]
)
def test_a_population_of_one_is_what_keras_fits(
    topology: Topology, faces: TrainingSet, held_out: np.ndarray, one_fold: PopulationTrainer
) -> None:
    ((ours,),) = one_fold.fit([topology], 30)
    for weight, expected in zip(ours, keras_weights(faces, held_out, topology, 30), strict=True):
        np.testing.assert_allclose(weight, expected, rtol=0, atol=1e-4)


def test_company_changes_nothing(trainer: PopulationTrainer) -> None:
    one = Topology((Layer(9, "selu", 0.3), Layer(5, "sigmoid")))
    others = [Topology((Layer(64, "tanh"), Layer(2, "relu", 0.5))), LINEAR, WIDE]
    (alone,), in_company = trainer.fit([one], 20), trainer.fit([*others, one, *others], 20)[3]
    for own, beside in zip(alone, in_company, strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(own, beside, strict=True))


def test_units_that_a_candidate_lacks_have_no_influence(trainer: PopulationTrainer) -> None:
    topology = Topology((Layer(5, "sigmoid"), Layer(3, "elu", 0.2)))
    room = stack([trainer._begin(topology).networks] * BATCH_CANDIDATES)
    until = Until(np.int32(12), np.int32(1000), np.float32(0))

    def spoil(number: int, weight: np.ndarray) -> np.ndarray:
        spoiled = weight.copy()
        if number < 4:  # rows of kernels and biases of hidden layers
            spoiled[:, :, (5, 5, 3, 3)[number] :] = 7.0
        if number in (2, 4):  # columns that read from units that are not there
            spoiled[..., (0, 0, 5, 0, 3)[number] :] = -9.0
        return spoiled

    spoiled = room._replace(weights=tuple(spoil(*one) for one in enumerate(room.weights)))
    genes = genes_of([topology] * BATCH_CANDIDATES)
    clean, dirty = (trainer._session.train(one, genes, trainer._task, until) for one in (room, spoiled))
    assert np.array_equal(clean.own, dirty.own) and np.array_equal(clean.rival, dirty.rival)
    for kernel, bias, units, before in ((0, 1, 5, 128), (2, 3, 3, 5), (4, 5, None, 3)):
        for a, b in ((clean.weights, dirty.weights), (clean.first, dirty.first)):
            assert np.array_equal(a[kernel][:, :, :units, :before], b[kernel][:, :, :units, :before])
            assert np.array_equal(a[bias][:, :, :units], b[bias][:, :, :units])
    # What is not there does not learn either.
    assert np.array_equal(dirty.weights[0][:, :, 5:], spoiled.weights[0][:, :, 5:])
    assert np.array_equal(dirty.weights[4][..., 3:], spoiled.weights[4][..., 3:])


def test_faces_that_are_padding_have_no_influence(faces: TrainingSet, folds: np.ndarray) -> None:
    with PopulationTrainer(trial(faces, folds), SEED) as trainer:
        (judged,) = trainer.judge([WIDE], lambda: None)
        padding = trainer._task.learn.weights == 0
        assert padding.any()
        trainer._task.learn.inputs[np.broadcast_to(padding, trainer._task.learn.inputs.shape)] = 5.0
        (again,) = trainer.judge([WIDE], lambda: None)
    assert np.array_equal(judged.margins, again.margins)


def test_nothing_is_compiled_twice(trainer: PopulationTrainer) -> None:
    def generation(number: int) -> list[Topology]:
        depths = [Topology((Layer(2 + number, ACTIVATIONS[number % 5], number / 20),) * depth) for depth in range(4)]
        return depths + depths[1:] * number

    for number in range(3):
        trainer.judge(generation(number), lambda: None)
    trainer.fit(generation(4), 7)
    assert trainer._session.traces == 4


def test_dropout_drops(trainer: PopulationTrainer) -> None:
    kept, dropped, again = trainer.fit([Topology((Layer(16, "relu", share),)) for share in (0.0, 0.5, 0.5)], 5)
    assert not np.allclose(kept[0][0], dropped[0][0])
    assert np.array_equal(dropped[0][0], again[0][0])


@pytest.mark.parametrize("topology", [LINEAR, WIDE, Topology((Layer(24, "sigmoid"), Layer(16, "tanh")))])
def test_foretells_what_the_final_training_gives(topology: Topology) -> None:
    known = training_set([12] * 12)
    folds = assign_folds(known.people, 0)
    with PopulationTrainer(trial(known, folds), 0) as trainer:
        (judgement,) = trainer.judge([topology], lambda: None)
    head = train_head(learned(known, folds), topology, 0, lambda *_: None)
    held_out = examine(known, folds, head.posterior, PRIOR)["network"]
    threshold = trial(known, folds).real_threshold("network")
    logits = np.empty((len(known.people), len(known.labels)))
    for fold in range(folds.max() + 1):
        rows, kept = folds == fold, folds != fold
        gallery = enrol(known.encodings[kept], known.people[kept], len(known.labels))
        evidence = weigh_evidence(PRIOR.model, gallery, known.encodings[rows], head.posterior[rows])
        logits[rows] = PRIOR.rules["network"].rule.logits(evidence)
    np.testing.assert_allclose(logits.max(axis=1), held_out.highest, atol=1e-4)
    places = np.arange(len(known.people)), known.people
    own = logits[places]
    logits[places] = -np.inf
    margins = own - np.maximum(logits.max(axis=1), threshold)
    assert abs(judgement.missed.mean() - (margins <= 0).mean()) < 0.03
    assert np.corrcoef(judgement.margins, margins)[0, 1] > 0.95
    assert abs(np.median(judgement.epochs) - head.epochs) <= 10


def test_margins_are_those_of_the_rule_and_what_the_network_says(
    faces: TrainingSet, folds: np.ndarray, trainer: PopulationTrainer
) -> None:
    """Computed once more, by the functions that judge faces elsewhere."""
    topology = Topology((Layer(12, "tanh"),))
    begun = trainer._begin(topology)
    now = Until(np.int32(15), np.int32(1000), np.float32(-np.inf))  # any epoch is better than the one before
    trainer._train([begun], now, lambda: None)
    asked, rule = trial(faces, folds), PRIOR.rules["network"].rule
    own, rival = [], []
    for fold, (rows, unseen) in enumerate(zip(asked.held_out, asked.unseen, strict=True)):
        encodings = np.concatenate([asked.faces.encodings[rows], unseen])
        kernel, bias, last, last_bias = weights_of(begun.networks, topology, len(faces.labels), fold)
        logits = np.tanh(PRIOR.background.inputs(encodings) @ kernel + bias) @ last + last_bias
        posterior = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        learned_from = folds != fold
        gallery = enrol(faces.encodings[learned_from], faces.people[learned_from], len(faces.labels))
        said = rule.logits(weigh_evidence(PRIOR.model, gallery, encodings, posterior))
        known = rows[rows < len(faces.people)]
        places = np.arange(len(known)), faces.people[known]
        own.append(said[places])
        said[places] = -np.inf
        rival.append(said.max(axis=1))
    threshold = asked.drawn_threshold(rival) + trainer._harder
    np.testing.assert_allclose(
        trainer._judgement(begun).margins, asked.margins(own, rival, threshold), rtol=1e-4, atol=1e-3
    )


def test_poor_candidates_stop_early_and_the_spared_do_not(trainer: PopulationTrainer) -> None:
    poor = Topology((Layer(2, "relu", 0.5),))
    good = [Topology((Layer(units),)) for units in range(40, 60, 2)]
    judgements = trainer.judge([poor, *good], lambda: None)
    assert not judgements[0].complete and max(judgements[0].epochs) <= 30
    assert any(judgement.complete for judgement in judgements)
    assert trainer.judge([poor, *good], lambda: None, [poor])[0].complete


def test_a_face_that_no_fold_holds_out_is_not_judged(trainer: PopulationTrainer, folds: np.ndarray) -> None:
    assert (folds == NEVER).any()
    (judgement,) = trainer.judge([LINEAR], lambda: None)
    assert len(judgement.margins) == np.count_nonzero(folds != NEVER)
    assert 0 < max(judgement.epochs) <= MAX_EPOCHS


def test_an_error_is_never_certain() -> None:
    judgement = Judgement(np.full(32, 5.0, np.float32), (9,), complete=True)
    assert not judgement.missed.any()
    assert judgement.error > 0 and judgement.standard_error > 0.03


def test_what_the_report_raises_ends_the_judging(trainer: PopulationTrainer) -> None:
    def cancel() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        trainer.judge([LINEAR], cancel)
