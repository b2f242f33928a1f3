"""A recognizer in one file: what it says of itself, whom it names, and the proof that it is the service's."""

import json

import cv2
import numpy as np
import onnx
import onnxruntime
import psutil
import pytest
from onnx import numpy_helper

from constants.exceptions import BuildFailed
from constants.settings import Settings
from modelization.bundle.bundle_file import open_bundle
from modelization.bundle.drawn_portraits import drawn_portraits
from modelization.bundle.head_onnx import ask_onnx
from modelization.bundle.parity import Named, PhotoParity, compare
from modelization.bundle.photo_onnx import make_photo_model
from modelization.bundle.photo_proof import PhotoProof
from modelization.face_recognizer import Doubt
from modelization.recognizer import Recognizer
from preprocessor.graphs import chip_graph
from preprocessor.graphs.onnx_session import make_session
from preprocessor.graphs.photo_graph import photo_graph
from preprocessor.quality import MIN_SHARPNESS, UNFIT
from test.conftest import jpeg
from test.modelization.conftest import Built

pytestmark = pytest.mark.thorough

#: Pixels; a blur of the portrait with which its face is still found, and too blurred to be judged.
BLUR = 5.5


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(data_dir=tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def head(built: Built) -> bytes:
    return open_bundle(built.path).files["head.onnx"]


@pytest.fixture(scope="module")
def model(head: bytes, settings: Settings) -> bytes:
    return make_photo_model(head, settings)


@pytest.fixture(scope="module")
def session(model: bytes) -> onnxruntime.InferenceSession:
    return make_session(model)


@pytest.fixture(scope="module")
def portrait(astronaut: np.ndarray) -> np.ndarray:
    """Head and shoulders: in the suit below HOG sees another face."""
    return astronaut[:320]


def run(session: onnxruntime.InferenceSession, pixels: np.ndarray) -> dict[str, np.ndarray]:
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, {"photo": pixels}), strict=True))


def test_the_file_says_all_that_its_user_needs(built: Built, session: onnxruntime.InferenceSession) -> None:
    metadata = session.get_modelmeta().custom_metadata_map
    assert tuple(json.loads(metadata["labels"])) == built.manifest.labels
    assert float(metadata["threshold"]) == built.manifest.threshold
    assert metadata["pipeline_version"] == "1.every.landmarks5.resnet.views2"
    assert metadata["trained_with"] == built.manifest.pipeline_version
    assert "onnxruntime" in json.loads(metadata["versions"])


def test_standard_operators_and_size(model: bytes) -> None:
    assert [(entry.domain, entry.version) for entry in onnx.load_from_string(model).opset_import] == [("", 17)]
    assert len(model) < 35_000_000


def test_the_same_head_gives_the_same_file(model: bytes, head: bytes, settings: Settings) -> None:
    assert make_photo_model(head, settings) == model


def test_names_are_those_of_the_recognizer(
    built: Built, session: onnxruntime.InferenceSession, portrait: np.ndarray
) -> None:
    recognizer = Recognizer.load(built.path)
    for pixels in (portrait, drawn_portraits()):
        found = run(session, pixels)
        named = recognizer.identify(found["encodings"])
        assert len(named) == len(found["people"]) >= 1
        for face, identification in enumerate(named):
            candidates = [recognizer.labels[index] for index in found["candidates"][face]]
            assert candidates == [candidate.person for candidate in identification.candidates]
            person, reason = found["people"][face], found["reasons"][face]
            if reason in (-1, len(UNFIT)):
                assert (recognizer.labels[person] if person >= 0 else None) == identification.person
            assert (person == -1) == (reason >= 0)
            assert found["confidences"][face] == pytest.approx(identification.confidence, abs=1e-6)


def lowered(model: bytes, threshold: float) -> onnxruntime.InferenceSession:
    """The same model with another threshold."""
    parsed = onnx.load_from_string(model)
    old = float(next(entry.value for entry in parsed.metadata_props if entry.key == "threshold"))
    for constant in parsed.graph.initializer:
        if constant.name.startswith("names/") and np.array_equal(numpy_helper.to_array(constant), old):
            constant.CopyFrom(numpy_helper.from_array(np.array(threshold), constant.name))
            return make_session(parsed.SerializeToString())
    raise AssertionError("the model has no threshold")


def test_the_threshold_decides_who_is_named(model: bytes, portrait: np.ndarray) -> None:
    usual = run(lowered(model, 1.1), portrait)
    assert usual["people"].tolist() == [-1]
    confidence = float(usual["confidences"][0])
    reached, missed = (run(lowered(model, limit), portrait) for limit in (confidence, np.nextafter(confidence, 2.0)))
    assert reached["people"].tolist() == reached["candidates"][:, 0].tolist()
    assert missed["people"].tolist() == [-1]


def test_a_face_that_cannot_be_judged_is_not_named(model: bytes, portrait: np.ndarray) -> None:
    certain = lowered(model, 0.0)
    metadata = certain.get_modelmeta().custom_metadata_map
    seen, blurred = (run(certain, pixels) for pixels in (portrait, cv2.GaussianBlur(portrait, (0, 0), BLUR)))
    assert (seen["people"] >= 0).all() and (seen["reasons"] == -1).all()
    assert blurred["people"].tolist() == [-1]
    assert list(json.loads(metadata["reasons"]))[blurred["reasons"][0]] == "LOW_SHARPNESS"
    assert blurred["qualities"][0, 1] < MIN_SHARPNESS < seen["qualities"][0, 1]


def test_further_views_are_seen_where_the_first_leaves_doubt(
    head: bytes, settings: Settings, portrait: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph = make_session(photo_graph(settings.views))
    both, one = graph.run(["encodings"], {"photo": portrait})[0], make_session(photo_graph(1))
    first = one.run(["encodings"], {"photo": portrait})[0]
    assert np.linalg.norm(both - first) > 0.02
    sure = float(run(make_session(make_photo_model(head, settings)), portrait)["confidences"][0])
    for doubt, expected in ((Doubt(sure / 2, (1 + sure) / 2), both), (Doubt((1 + sure) / 2, 1.0), first)):
        monkeypatch.setattr(Doubt, "around", lambda *_, doubt=doubt: doubt)
        found = run(make_session(make_photo_model(head, settings)), portrait)
        assert found["encodings"] == pytest.approx(expected, abs=1e-6)
        assert found["confidences"] == pytest.approx(ask_onnx(head, expected).max(axis=1), abs=1e-5)


def test_a_photo_of_nobody(session: onnxruntime.InferenceSession) -> None:
    found = run(session, np.full((64, 80, 3), 120, np.uint8))
    assert {name: value.shape for name, value in found.items()} == {
        "boxes": (0, 4),
        "scores": (0,),
        "landmarks": (0, 5, 2),
        "qualities": (0, 5),
        "encodings": (0, 128),
        "people": (0,),
        "reasons": (0,),
        "confidences": (0,),
        "candidates": (0, 5),
        "candidate_confidences": (0, 5),
    }


def test_drawn_faces_are_faces(session: onnxruntime.InferenceSession) -> None:
    found = run(session, drawn_portraits())
    assert (found["scores"] > 0.5).all() and len(found["scores"]) == 3
    sides = found["boxes"][:, 2] - found["boxes"][:, 0]
    assert sides.max() > 2 * sides.min()


def prove(settings: Settings, *what: object) -> PhotoParity:
    with PhotoProof(settings) as proof:
        return proof.prove(*what)


def test_parity_is_proved(model: bytes, head: bytes, settings: Settings, portrait: np.ndarray) -> None:
    kept = [jpeg(portrait), b"no picture", jpeg(portrait[:, ::-1])]
    parity = prove(settings, model, head, kept)
    assert (parity.pictures, parity.faces, parity.unpaired, parity.other_names) == (3, 5, 0, 0)
    assert parity.holds and parity.encoding_distance < 0.005
    alone = prove(settings, model, head)
    assert (alone.pictures, alone.faces) == (1, 3)


def test_another_pipeline_is_no_parity(head: bytes, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chip_graph, "CHIP_PADDING", 0.3)
    other = make_photo_model(head, settings)
    with pytest.raises(BuildFailed, match="encoding_distance"):
        prove(settings, other, head)


def test_a_file_that_cannot_be_run_is_no_parity(model: bytes, head: bytes, settings: Settings) -> None:
    with pytest.raises(BuildFailed, match="cannot be run"):
        prove(settings, model[: len(model) // 2], head)


def test_a_proof_that_nobody_asks_for_leaves_no_process(settings: Settings) -> None:
    before = {child.pid for child in psutil.Process().children()}
    with PhotoProof(settings) as proof:
        proof.prepare()
        assert {child.pid for child in psutil.Process().children()} - before
    assert {child.pid for child in psutil.Process().children()} <= before


GOOD = PhotoParity(
    pictures=1,
    faces=3,
    unpaired=0,
    box_pixels=0.5,
    landmark_pixels=0.0,
    encoding_distance=0.001,
    other_names=0,
    undecided=1,
)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("faces", 0),
        ("unpaired", 1),
        ("box_pixels", 1.5),
        ("landmark_pixels", 1.0),
        ("encoding_distance", 0.03),
        ("encoding_distance", float("nan")),
        ("other_names", 1),
    ],
)
def test_any_difference_is_too_much(field: str, value: float) -> None:
    assert GOOD.holds
    assert not PhotoParity(**{**vars(GOOD), field: value}).holds


class Side:
    """A side that sees one face, in a way that a test decides."""

    def __init__(self, person: int, *everyone: float) -> None:
        box, landmarks, encoding = np.zeros(4), np.zeros((5, 2)), np.zeros(128)
        self._face = Named(box, landmarks, encoding, person, max(everyone), np.array(everyone))

    def faces(self, pixels: np.ndarray) -> list[Named]:
        return [self._face]


@pytest.mark.parametrize(
    ("service", "file", "other", "undecided"),
    [
        (Side(0, 0.9, 0.1), Side(0, 0.9, 0.1), 0, 0),
        (Side(0, 0.9, 0.1), Side(1, 0.1, 0.9), 1, 0),
        (Side(0, 0.9, 0.8999), Side(1, 0.8999, 0.9), 0, 1),  # two labels of one person
        (Side(0, 0.5, 0.1), Side(-1, 0.499, 0.1), 0, 1),  # at the threshold
        (Side(0, 0.9, 0.1), Side(-1, 0.3, 0.1), 1, 0),
        (Side(-1, 0.3, 0.1), Side(1, 0.1, 0.9), 1, 0),
    ],
)
def test_another_name_counts_unless_it_is_a_close_call(service: Side, file: Side, other: int, undecided: int) -> None:
    parity = compare(file, service, [np.zeros((10, 10, 3), np.uint8)])
    assert (parity.faces, parity.other_names, parity.undecided) == (1, other, undecided)
