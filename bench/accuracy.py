"""How rightly people are told apart and named: dlib's encoder with one view against ours with 1, 2 and 6 views."""

import sys
import tempfile
from pathlib import Path

import numpy as np

from bench import labelled_faces, protocols
from bench.built_recognizers import TARGET_FPIR, Judged, calibration_error, draw_galleries, judge
from bench.harness import arguments, progress, report
from bench.labelled_faces import DLIB, VIEWS, LabelledFaces
from bench.open_set_plot import draw
from bench.protocols import OpenSet
from constants.settings import Settings

#: A short run takes one person of so many.
QUICK_PEOPLE = 6
#: Pictures that dlib's encoder sees, at 0.1 s each; verification and closed sets are of these, for every side.
DLIB_PICTURES, QUICK_DLIB_PICTURES = 2400, 300
#: Pairs of one person, and as many of two.
PAIRS, QUICK_PAIRS = 3000, 400
#: Recognizers built of each shape of gallery.
GALLERIES, QUICK_GALLERIES = 10, 2
#: Least pictures of a person in the closed sets.
CLOSED_SETS = (10, 20)
SEED = 0


def main() -> None:
    options = arguments(__doc__, plot="draw DIR against FPIR of open-set identification")
    pictures = _pictures(options.dataset, QUICK_PEOPLE if options.quick else 1)
    by_dlib = _choose(pictures, QUICK_DLIB_PICTURES if options.quick else DLIB_PICTURES)
    with tempfile.TemporaryDirectory() as folder:
        faces = labelled_faces.encode(pictures, by_dlib, Settings(data_dir=Path(folder), detector="cascade"))
    figures, samples = _told_apart(faces.of_dlib(), QUICK_PAIRS if options.quick else PAIRS)
    curves = _open_sets(faces)
    for suffix, curve in curves.items():
        figures[f"rank1{suffix}"] = curve.rank1
        figures[f"dir_at_fpir_1{suffix}"] = curve.dir_at(0.01)
        figures[f"dir_at_fpir_01{suffix}"] = curve.dir_at(0.001)
    judged = _judge(faces, QUICK_GALLERIES if options.quick else GALLERIES)
    figures |= _promises(judged)
    samples |= {
        "pictures": len(faces.people),
        "people": len(np.unique(faces.people)),
        "open_set_probes": len(curves[""].probes),
        "open_set_strangers": len(curves[""].strangers),
        "open_set_draws": protocols.DRAWS,
        "recognizers": len(judged),
        "calibration_known": sum(len(one.right) for one in judged) // 2,
        "calibration_strangers": sum(len(one.right) for one in judged) // 2,
    }
    if options.plot:
        draw(curves, options.plot)
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
    """Verification and closed-set identification of every side, on the same pairs and folds."""
    pairs, same = protocols.draw_pairs(faces.people, pairs_wanted, np.random.default_rng(SEED))
    figures = {}
    for suffix in (*VIEWS, DLIB):
        encodings = faces.encodings[suffix]
        figures[f"verification{suffix}"] = protocols.verification(encodings, pairs, same, np.random.default_rng(SEED))
        for least in CLOSED_SETS:
            share = protocols.closed_set(encodings, faces.people, least, np.random.default_rng(SEED))
            if share is not None:
                figures[f"closed_set_{least}{suffix}"] = share
    count = np.bincount(faces.people)
    samples = {"pictures_dlib": len(faces.people), "matched": int(same.sum()), "mismatched": int((~same).sum())}
    samples |= {f"closed_set_{least}_people": int((count >= least).sum()) for least in CLOSED_SETS}
    samples |= {f"closed_set_{least}_pictures": int(count[count >= least].sum()) for least in CLOSED_SETS}
    return figures, samples


def _open_sets(faces: LabelledFaces) -> dict[str, OpenSet]:
    """By suffix: ours by cosine to a person's mean, and the usual way by distance to the nearest picture."""
    count = np.bincount(faces.people)
    if not (count == 1).any() or not (count > protocols.ENROLLED).any():
        sys.exit("An open set needs people with one picture, for strangers, and people with four or more.")
    curves = {
        suffix: protocols.open_set(faces.encodings[suffix], faces.people, np.random.default_rng(SEED))
        for suffix in VIEWS
    }
    usual = faces.encodings["_views1"]
    curves["_nearest"] = protocols.open_set(usual, faces.people, np.random.default_rng(SEED), nearest=True)
    return curves


def _judge(faces: LabelledFaces, each: int) -> list[Judged]:
    galleries = list(draw_galleries(faces.people, each, np.random.default_rng(SEED)))
    numbered = progress(list(enumerate(galleries)), "building recognizers")
    return [judge(gallery, faces.encodings[""], seed) for seed, gallery in numbered]


def _promises(judged: list[Judged]) -> dict[str, float]:
    ratios = [one.fpir / TARGET_FPIR for one in judged]
    confidence = np.concatenate([one.confidence for one in judged])
    return {
        "fpir_ratio_mean": float(np.mean(ratios)),
        "fpir_ratio_p95": float(np.quantile(ratios, 0.95)),
        "calibration_error": calibration_error(confidence, np.concatenate([one.right for one in judged])),
        "recognizers_dir": float(np.mean([one.dir for one in judged])),
    }


if __name__ == "__main__":
    main()
