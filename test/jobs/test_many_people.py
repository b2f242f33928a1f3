"""One of many people is forgotten, and the others are known as before; one is added, and is known at once."""

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from bench import drawn_builds
from constants.settings import Settings
from jobs.table import builds
from jobs.table.builds import build_of
from jobs.versions.forgetting import forget
from jobs.work import runner
from jobs.work.recognizer_cache import RecognizerCache, recognizer_for
from jobs.workplace import Workplace, opened_workplace
from modelization.bundle.bundle_file import HEAD_KERAS, HEAD_ONNX, HEAD_TFLITE, PHOTO_ONNX, open_bundle
from modelization.decision.gallery import enrol
from modelization.recognizer import Recognizer

#: A few more than are all compared with every face.
PEOPLE = 1010
GONE, STAYS = 7, 8


def bundle(workplace: Workplace, version: int) -> Path:
    with workplace.database.read() as connection:
        build = build_of(connection, drawn_builds.RECOGNIZER, version)
    assert build.bundle is not None, build.message
    return workplace.storage.bundle(build.recognizer_id, build.bundle)


def numbers(workplace: Workplace, person: int) -> list[bytes]:
    """What a recognizer keeps of a person, as its forms write it: the means of encodings as they are, and at length
    one.
    """
    own = drawn_builds.population(workplace).faces(person)
    kept = enrol(own, np.zeros(len(own), np.int64), 1)
    return [mean.astype("<f4").tobytes() for mean in (kept.means, kept.unit_means)]


def members(path: Path) -> Iterator[tuple[str, bytes]]:
    """The files of a bundle, and those in its Keras file."""
    files = open_bundle(path).files
    yield from files.items()
    with zipfile.ZipFile(io.BytesIO(files[HEAD_KERAS])) as archive:
        for name in archive.namelist():
            yield f"{HEAD_KERAS}/{name}", archive.read(name)


def found_in(path: Path, person: list[bytes]) -> set[str]:
    return {name for name, content in members(path) if any(number in content for number in person)}


@pytest.mark.thorough
def test_who_is_forgotten_is_in_no_file_and_the_others_are_known_as_before(tmp_path: Path) -> None:
    with opened_workplace(Settings(data_dir=tmp_path / "data")) as workplace:
        drawn_builds.begin_build(workplace, PEOPLE)
        runner.run_all(workplace)
        people = drawn_builds.population(workplace)
        probes = np.concatenate([people.faces(person, drawn_builds.FACES + 1)[-1:] for person in range(100)])
        gone, stays = numbers(workplace, GONE), numbers(workplace, STAYS)
        everywhere = {HEAD_ONNX, HEAD_TFLITE, PHOTO_ONNX, f"{HEAD_KERAS}/model.weights.h5"}
        before = bundle(workplace, 1)
        assert found_in(before, gone) - {HEAD_KERAS} == found_in(before, stays) - {HEAD_KERAS} == everywhere
        named = Recognizer.load(before).identify(probes)

        receipt = forget(
            workplace.database, workplace.storage, drawn_builds.RECOGNIZER, drawn_builds.label_of(GONE).upper()
        )
        assert (receipt.faces, receipt.versions, receipt.version) == (drawn_builds.FACES, (1,), 2)
        assert receipt.files == tuple(f"{drawn_builds.label_of(GONE)}/{number}.jpg" for number in range(3))
        assert not before.exists()
        encodings = [encoding.astype("<f4").tobytes() for encoding in people.faces(GONE)]
        left = b"".join(path.read_bytes() for path in workplace.settings.data_dir.rglob("*") if path.is_file())
        assert not any(number in left for number in (*gone, *encodings))
        runner.run_all(workplace)
        after = bundle(workplace, 2)
        assert found_in(after, gone) == set()
        assert found_in(after, stays) - {HEAD_KERAS} == everywhere
        again = Recognizer.load(after).identify(probes)
    others = [number for number in range(100) if number != GONE]
    assert [again[number].person for number in others] == [named[number].person for number in others]
    assert max(abs(again[number].confidence - named[number].confidence) for number in others) < 0.02
    assert again[GONE].person != drawn_builds.label_of(GONE) == named[GONE].person


@pytest.mark.thorough
def test_who_is_added_is_recognized_at_once_as_by_the_version_that_is_trained_then(tmp_path: Path) -> None:
    with opened_workplace(Settings(data_dir=tmp_path / "data")) as workplace:
        drawn_builds.begin_build(workplace, PEOPLE)
        runner.run_all(workplace)
        people = drawn_builds.population(workplace)
        known, strangers = range(PEOPLE - 99, PEOPLE + 1), range(5 * PEOPLE, 6 * PEOPLE)
        probes = np.concatenate(
            [people.faces(person, drawn_builds.FACES + 1)[-1:] for person in known]
            + [people.faces(person, 1) for person in strangers]
        )
        drawn_builds.add_person(workplace, PEOPLE)
        serving = builds.serving(workplace.database, drawn_builds.RECOGNIZER)
        assert (serving.version, serving.bundle) == (2, None)
        early = recognizer_for(workplace, RecognizerCache(), vars(serving)).identify(probes)
        runner.run_all(workplace)
        late = Recognizer.load(bundle(workplace, 2)).identify(probes)
    assert early[99].person == drawn_builds.label_of(PEOPLE)
    assert sum(then.person != now.person for then, now in zip(early, late, strict=True)) <= len(probes) / 1000
    assert max(abs(then.confidence - now.confidence) for then, now in zip(early, late, strict=True)) < 0.02
