"""How rightly people are told apart and named: with the network, by the learned rule alone, by plain ones; dlib too."""

import sys
import tempfile
from pathlib import Path

import numpy as np

from bench import labelled_faces, protocols
from bench.built_recognizers import TARGETS, USUAL_TARGET, Judged, calibration_error, draw_galleries, judge
from bench.harness import arguments, progress, report
from bench.judged_people import JudgedPeople, judged_people
from bench.labelled_faces import DLIB, VIEWS, LabelledFaces
from bench.open_set_plot import draw
from bench.protocols import OpenSet, Score
from constants.settings import Settings
from modelization.decision.decision_rule import LEARNED, NETWORK

#: A short run takes one person of so many.
QUICK_PEOPLE = 3
#: Pictures that dlib's encoder sees, at 0.1 s each; verification is of these, for every side.
DLIB_PICTURES, QUICK_DLIB_PICTURES = 2400, 300
#: Pairs of one person, and as many of two.
PAIRS, QUICK_PAIRS = 3000, 400
#: Recognizers of each shape of gallery, over all splits.
RECOGNIZERS, QUICK_RECOGNIZERS = 5, 1
#: Least pictures of a person in the closed sets.
CLOSED_SETS = (10, 20)
#: Pictures of a person that are enrolled, beside the usual three.
FEW_PICTURES = (1, 2, 5, 8, 20)
#: Factor of the standard error for a 95 % interval of a mean of so many values (Student 1908).
STUDENT_95 = {2: 12.71, 3: 4.30, 4: 3.18, 5: 2.78}
SEED = 0


def main() -> None:
    options = arguments(__doc__, plot="draw DIR against FPIR of open-set identification")
    pictures = _pictures(options.dataset, QUICK_PEOPLE if options.quick else 1)
    by_dlib = _choose(pictures, QUICK_DLIB_PICTURES if options.quick else DLIB_PICTURES)
    with tempfile.TemporaryDirectory() as folder:
        faces = labelled_faces.encode(pictures, by_dlib, Settings(data_dir=Path(folder), detector="cascade"))
    figures, samples = _told_apart(faces.of_dlib(), QUICK_PAIRS if options.quick else PAIRS)
    curves: dict[str, list[OpenSet]] = {}
    closed: dict[str, list[np.ndarray]] = {}
    recognizers: list[Judged] = []
    splits = list(judged_people(faces, options.dataset, options.quick))
    wanted = QUICK_RECOGNIZERS if options.quick else RECOGNIZERS
    for number, split in enumerate(splits):
        for suffix, curve in _open_sets(split).items():
            curves.setdefault(suffix, []).append(curve)
        for least in CLOSED_SETS:
            right = _closed_set(split, least)
            if right is not None:
                closed.setdefault(f"closed_set_{least}", []).append(right)
        recognizers += _judge(split, -(-wanted // len(splits)), number)
    for suffix, found in curves.items():
        figures |= _open_set_figures(suffix, found)
    figures |= {name: float(np.concatenate(found).mean()) for name, found in closed.items()}
    figures |= _promises(recognizers)
    samples |= {
        "pictures": len(faces.people),
        "people": len(np.unique(faces.people)),
        "splits": len(splits),
        "open_set_probes": sum(len(curve.probes) for curve in curves[""]),
        "open_set_strangers": sum(len(curve.strangers) for curve in curves[""]),
        "recognizers": len(recognizers),
        "calibration_faces": sum(len(one.right) for one in recognizers),
    }
    samples |= {f"{name}_faces": sum(map(len, found)) for name, found in closed.items()}
    if options.plot:
        draw({suffix: found[0] for suffix, found in curves.items()}, options.plot)
    report("accuracy", figures, samples)


def _pictures(dataset: Path, every: int) -> list[tuple[int, Path]]:
    """The person and the file of each picture, of every so many-th person."""
    people = sorted(person for person in dataset.iterdir() if person.is_dir())[::every]
    return [(number, file) for number, person in enumerate(people) for file in sorted(person.glob("*.jpg"))]


def _choose(pictures: list[tuple[int, Path]], limit: int) -> set[Path]:
    """Pictures for dlib's encoder: of people with enough for a closed set up to two thirds, then of any with two."""
    files: dict[int, list[Path]] = {}
    for person, file in pictures:
        files.setdefault(person, []).append(file)
    order = [files[person] for person in np.random.default_rng(SEED).permutation(list(files)).tolist()]
    chosen: set[Path] = set()
    for least, share in ((CLOSED_SETS[0], 2 / 3), (2, 1.0)):
        for own in order:
            if len(own) >= least and len(chosen.union(own)) <= share * limit:
                chosen.update(own)
    return chosen


def _told_apart(faces: LabelledFaces, pairs_wanted: int) -> tuple[dict[str, float], dict[str, int]]:
    """Verification and closed-set identification by cosine, of every side on the same pairs and folds."""
    pairs, same = protocols.draw_pairs(faces.people, pairs_wanted, np.random.default_rng(SEED))
    figures = {}
    for suffix in (*VIEWS, DLIB):
        encodings = faces.encodings[suffix]
        figures[f"verification{suffix}"] = protocols.verification(encodings, pairs, same, np.random.default_rng(SEED))
        for least in CLOSED_SETS:
            right = protocols.closed_set(encodings, faces.people, least, np.random.default_rng(SEED))
            if right is not None:
                figures[f"closed_set_{least}_cosine{suffix}"] = float(right.mean())
    samples = {"pictures_dlib": len(faces.people), "matched": int(same.sum()), "mismatched": int((~same).sum())}
    return figures, samples


def _open_sets(split: JudgedPeople) -> dict[str, OpenSet]:
    """By suffix: what decides, with each number of views and of pictures, the learned rule alone, and plain rules."""
    count = np.bincount(split.faces.people)
    if not (count == 1).any() or not (count > protocols.ENROLLED).any():
        sys.exit("An open set needs people with one picture, for strangers, and people with four or more.")
    rules: dict[str, tuple[str, Score, int]] = {
        suffix: (suffix, protocols.by_rule(prior, NETWORK), protocols.ENROLLED)
        for suffix, prior in split.priors.items()
    }
    own = split.priors[""]
    for name in (LEARNED, "cosine", "distance", "softmax"):
        rules[f"_{name}"] = "", protocols.by_rule(own, name), protocols.ENROLLED
    rules["_nearest"] = "_views1", protocols.nearest_picture, protocols.ENROLLED
    for pictures in FEW_PICTURES:
        if (count > pictures).sum() > 1:
            rules[f"_pictures_{pictures}"] = "", protocols.by_rule(own, NETWORK), pictures
            rules[f"_{LEARNED}_pictures_{pictures}"] = "", protocols.by_rule(own, LEARNED), pictures
    return {
        suffix: protocols.open_set(
            split.faces.encodings[views], split.faces.people, np.random.default_rng(SEED), score, pictures
        )
        for suffix, (views, score, pictures) in progress(list(rules.items()), "open sets")
    }


def _open_set_figures(suffix: str, curves: list[OpenSet]) -> dict[str, float]:
    """Means over the splits and, of the main figures, half of their 95 % interval."""
    found = {
        f"rank1{suffix}": [curve.rank1 for curve in curves],
        f"dir_at_fpir_1{suffix}": [curve.dir_at(0.01) for curve in curves],
        f"dir_at_fpir_01{suffix}": [curve.dir_at(0.001) for curve in curves],
    }
    figures = {name: float(np.mean(values)) for name, values in found.items()}
    if not suffix and len(curves) > 1:
        # Student's t for five splits; they share people, so that this is of the splitting, not of all people.
        half = STUDENT_95[len(curves)] / np.sqrt(len(curves))
        figures |= {f"{name}_interval": float(half * np.std(values, ddof=1)) for name, values in found.items()}
        # At one stranger in a thousand a single wrong label among the strangers decides: the median forgives some.
        figures |= {f"{name}_median": float(np.median(values)) for name, values in found.items()}
    return figures


def _closed_set(split: JudgedPeople, least: int) -> np.ndarray | None:
    score = protocols.by_rule(split.priors[""], NETWORK)
    faces = split.faces
    return protocols.closed_set(faces.encodings[""], faces.people, least, np.random.default_rng(SEED), score)


def _judge(split: JudgedPeople, each: int, number: int) -> list[Judged]:
    galleries = list(draw_galleries(split.faces.people, each, np.random.default_rng(number)))
    numbered = progress(list(enumerate(galleries)), "building recognizers")
    return [judge(gallery, split.faces.encodings[""], split.priors[""], seed) for seed, gallery in numbered]


def _promises(recognizers: list[Judged]) -> dict[str, float]:
    figures = {}
    ratios = {suffix: [one.kept[suffix].fpir_ratio for one in recognizers] for suffix in TARGETS}
    for suffix, found in ratios.items():
        figures[f"fpir_ratio_mean{suffix}"] = float(np.mean(found))
        figures[f"fpir_ratio_p95{suffix}"] = float(np.quantile(found, 0.95))
        figures[f"fpir_within_twice{suffix}"] = float(np.mean(np.array(found) <= 2))
        figures[f"recognizers_dir{suffix}"] = float(np.mean([one.kept[suffix].dir for one in recognizers]))
        figures[f"dir_lost{suffix}"] = float(np.mean([one.kept[suffix].dir_lost for one in recognizers]))
    everything = np.concatenate(list(ratios.values()))
    right = np.concatenate([one.right for one in recognizers])
    for suffix in TARGETS:
        confidence = np.concatenate([one.confidence[suffix] for one in recognizers])
        figures[f"calibration_error{suffix}"] = calibration_error(confidence, right)
    return figures | {
        "fpir_ratio_mean": float(everything.mean()),
        "fpir_ratio_p95": float(np.quantile(everything, 0.95)),
        "calibration_error": figures[f"calibration_error{USUAL_TARGET}"],
    }


if __name__ == "__main__":
    main()
