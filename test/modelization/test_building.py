import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from constants.exceptions import BuildCancelled, BuildFailed
from features.training_set import TrainingSet
from modelization import building
from modelization.building import build_recognizer
from modelization.bundle.bundle_file import search_file
from modelization.gallery_recognizer import GalleryRecognizer, Threshold
from modelization.provenance import TrainingOptions
from modelization.recognizer import Recognizer
from modelization.search.search_options import SearchOptions
from modelization.topology import DEFAULT_TOPOLOGY, Layer, Topology
from modelization.training_progress import Progress
from test.modelization.conftest import Built
from test.modelization.made_up import PIPELINE, PROVENANCE, faces, split, training_set

pytestmark = pytest.mark.thorough


def silent(progress: Progress) -> None:
    assert progress.unit == "epochs" and 0 <= progress.done <= progress.total and progress.search is None


def test_manifest_tells_what_was_built(built: Built) -> None:
    manifest = built.manifest
    assert manifest.faces_per_person == (8,) * 8 + (2, 1)
    assert manifest.metrics.people_not_evaluated == ("person 009",)
    assert manifest.metrics.held_out_faces == 66 and manifest.metrics.stranger_faces == 67
    assert manifest.metrics.closed_set_accuracy is not None and manifest.metrics.closed_set_accuracy > 0.9
    assert {"tensorflow", "keras", "onnx", "onnxruntime", "numpy", "dlib"} <= set(manifest.libraries)
    with zipfile.ZipFile(built.path) as archive:
        assert json.loads(archive.read("labels.json")) == list(manifest.labels)


def test_two_people_with_one_picture_each(tmp_path: Path) -> None:
    known, probes, people = split([1, 1], 50)
    manifest = build_recognizer(known, TrainingOptions(), PROVENANCE, tmp_path / "two.zip", silent)
    assert manifest.metrics.held_out_faces == 0 and manifest.metrics.known_named_right is None
    found = Recognizer.load(tmp_path / "two.zip").identify(probes)
    assert np.mean([face.person == f"person {who:03}" for face, who in zip(found, people, strict=True)]) > 0.6


def test_a_person_of_two_pictures_is_not_starved_by_one_of_thirty(tmp_path: Path) -> None:
    known, probes, people = split([30, 2, 30], 40)
    build_recognizer(known, TrainingOptions(), PROVENANCE, tmp_path / "uneven.zip", silent)
    found = Recognizer.load(tmp_path / "uneven.zip").identify(probes[people == 1])
    assert np.mean([face.person == "person 001" for face in found]) > 0.9


def test_same_faces_and_seed_give_the_same_head_and_report(tmp_path: Path) -> None:
    known = training_set([3, 3, 2])
    first, again = (
        build_recognizer(known, TrainingOptions(seed=5), PROVENANCE, tmp_path / name, silent)
        for name in ("1.zip", "2.zip")
    )
    for name in ("head.onnx", "report.html", "report.json"):
        assert first.files[name] == again.files[name]


def test_of_many_people_no_network_is_trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And what is given away decides as the same rule does among them all."""
    monkeypatch.setattr(building, "MOST_JUDGED", 80)
    known, probes, people = split([1, *[3] * 89], 3)
    manifest = build_recognizer(known, TrainingOptions(), PROVENANCE, tmp_path / "many.zip", silent)
    assert (manifest.format, manifest.epochs, manifest.search) == (3, None, None)
    assert manifest.rule == "learned" and set(manifest.rules) == {"learned"}
    assert (manifest.metrics.held_out_faces, manifest.metrics.stranger_faces) == (267, 268)
    assert manifest.metrics.people_not_evaluated == ("person 000",)
    strangers = faces([1] * 300, 77)[0]
    found = Recognizer.load(tmp_path / "many.zip").identify(np.concatenate([probes, strangers]))
    gallery = GalleryRecognizer(known, PIPELINE, "learned", Threshold(0.5, manifest.threshold_logit), 0.01)
    everybody = gallery.identify(np.concatenate([probes, strangers]))
    assert [face.person for face in found] == [face.person for face in everybody]
    right = [face.person == known.labels[who] for face, who in zip(found, people, strict=False)]
    assert np.mean(right) > 0.9 and np.mean([face.person is not None for face in found[len(probes) :]]) < 0.02
    with zipfile.ZipFile(tmp_path / "many.zip") as archive:
        assert "no network" in archive.read("model_card.md").decode()
        assert "no network is trained" in archive.read("report.html").decode()


def test_fewer_strangers_may_be_asked_for(tmp_path: Path) -> None:
    known = training_set([3, 3, 2])
    lax, strict = (
        build_recognizer(known, TrainingOptions(target_fpir=share), PROVENANCE, tmp_path / "any.zip", silent)
        for share in (0.1, 0.001)
    )
    assert lax.threshold_logit is not None and strict.threshold_logit is not None
    assert lax.threshold_logit < strict.threshold_logit and lax.threshold == strict.threshold == 0.5


def test_after_the_last_epoch_it_says_that_it_is_still_at_it(tmp_path: Path) -> None:
    seen: list[Progress] = []
    build_recognizer(training_set([3, 3]), TrainingOptions(), PROVENANCE, tmp_path / "said.zip", seen.append)
    last = seen[-1]
    assert last.done == last.total > 0
    assert seen.count(last) >= 5, "with evidence of each fold, decision, export, report"


def test_a_cancelled_build_leaves_nothing(tmp_path: Path) -> None:
    def cancel(progress: Progress) -> None:
        if progress.done >= progress.total // 2:
            raise BuildCancelled("The build was cancelled.")

    with pytest.raises(BuildCancelled):
        build_recognizer(training_set([2, 2]), TrainingOptions(), PROVENANCE, tmp_path / "cancelled.zip", cancel)
    assert list(tmp_path.iterdir()) == []


def test_encodings_that_are_not_numbers_are_refused(tmp_path: Path) -> None:
    known = training_set([2, 2])
    broken = TrainingSet(np.full_like(known.encodings, np.inf), known.people, known.labels)
    with pytest.raises(BuildFailed):
        build_recognizer(broken, TrainingOptions(), PROVENANCE, tmp_path / "broken.zip", silent)


@pytest.mark.parametrize(
    "options", [{"target_fpir": 0.0}, {"target_fpir": 0.9}, {"target_fpir": float("nan")}, {"seed": -1}]
)
def test_options_that_cannot_be_met_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"target_fpir|seed"):
        TrainingOptions(**options)


def test_a_search_decides_the_topology_and_is_told_of(tmp_path: Path) -> None:
    seen: list[Progress] = []
    options = TrainingOptions(seed=5, search=SearchOptions(generations=3, population=6, max_layers=2, seed=5))
    path = tmp_path / "searched.zip"
    manifest = build_recognizer(training_set([4, 4, 3]), options, PROVENANCE, path, seen.append)
    searching = [one for one in seen if one.unit == "generations"]
    assert [one.done for one in searching] == sorted(one.done for one in searching)
    assert searching[-1].done == searching[-1].total == 3
    assert searching[-1].search is not None and searching[-1].search.evaluated == 18
    assert [one.unit for one in seen] == ["generations"] * len(searching) + ["epochs"] * (len(seen) - len(searching))
    assert manifest.search is not None and manifest.search.stopped_by == "generations"
    assert (manifest.search.evaluated, manifest.search.seed, manifest.search.population) == (18, 5, 6)
    with zipfile.ZipFile(path) as archive:
        search = json.loads(archive.read("report.json"))["search"]
        page = archive.read("report.html").decode()
    assert search["chosen"]["topology"] == manifest.topology.to_json()
    assert search["default"]["topology"] == DEFAULT_TOPOLOGY.to_json()
    assert "The search for a topology" in page
    assert search_file(path).exists(), "for the caller to delete"


def test_a_search_that_was_killed_goes_on_and_gives_the_same_recognizer(tmp_path: Path) -> None:
    def die(progress: Progress) -> None:
        if progress.unit == "generations" and progress.done == 2:
            raise KeyboardInterrupt

    known = training_set([4, 4, 3])
    options = TrainingOptions(search=SearchOptions(generations=4, population=6, max_layers=1))
    whole = build_recognizer(known, options, PROVENANCE, tmp_path / "whole.zip", lambda _: None)
    seen: list[Progress] = []
    with pytest.raises(KeyboardInterrupt):
        build_recognizer(known, options, PROVENANCE, tmp_path / "killed.zip", die)
    resumed = build_recognizer(known, options, PROVENANCE, tmp_path / "killed.zip", seen.append)
    assert seen[0].done >= 2, "what was searched is not searched again"
    assert resumed.topology == whole.topology and resumed.search == whole.search
    assert resumed.files["head.onnx"] == whole.files["head.onnx"]
    assert resumed.files["report.json"] == whole.files["report.json"]


def test_where_nothing_can_be_judged_a_search_leaves_the_topology_as_it_is(tmp_path: Path) -> None:
    topology = Topology((Layer(7),))
    options = TrainingOptions(topology=topology, search=SearchOptions())
    manifest = build_recognizer(training_set([1, 1]), options, PROVENANCE, tmp_path / "two.zip", silent)
    assert manifest.topology == topology and manifest.search is None
