"""A collection: faces that are known at once, whatever is being trained, and that are gone once they are taken away."""

import hashlib
from dataclasses import replace

import numpy as np
import pytest
from sqlalchemy import func, select, update

from constants.exceptions import BuildCancelled, Conflict, Erased, NotFound, NotReady
from features.features_json import from_json, to_json
from features.store import FaceFeatures, ImageFeatures, QualityFeatures, encoded_faces
from jobs.table import builds, tasks
from jobs.table.admission import Admission
from jobs.table.build_options import BuildOptions
from jobs.table.builds import Upload
from jobs.table.tables import BuildState, TaskKind
from jobs.table.tables import builds as build_table
from jobs.table.tables import tasks as task_table
from jobs.versions import collection, erasures, forgetting, growing
from jobs.versions.collection import Enrolment, SentFace
from jobs.work import runner
from jobs.work.recognizer_cache import RecognizerCache, recognizer_for
from modelization.gallery_recognizer import GalleryRecognizer
from modelization.recognizer import Recognizer
from preprocessor.version import pipeline_version
from test.modelization import made_up

PEOPLE = ("Ada", "Ben", "Cleo", "Eve")
OPTIONS = BuildOptions(name="collection")


class Home:
    """A collection of people whose faces are those of people at large, and one who is in none."""

    def __init__(self, workplace) -> None:
        self.workplace = workplace
        self.cache = RecognizerCache()
        encodings, who = made_up.faces([30] * len(PEOPLE), seed=4)
        self._left = {name: list(encodings[who == number]) for number, name in enumerate(PEOPLE)}
        self._pictures = 0

    def picture(self, *people: str) -> tuple[str, ImageFeatures]:
        """The content hash and features of another picture, of some people side by side."""
        self._pictures += 1
        faces = [
            FaceFeatures(
                (50.0 * place, 0.0, 50.0 * place + 40, 40.0),
                1.5,
                np.zeros((5, 2), np.float32),
                self._left[person].pop(),
                index=place,
            )
            for place, person in enumerate(people)
        ]
        return hashlib.sha256(bytes([self._pictures])).hexdigest(), ImageFeatures(50 * len(people), 50, tuple(faces))

    def add(self, person: str, *pictures: tuple[str, ImageFeatures], face: int = 0) -> collection.Added:
        sent = [SentFace("photo.jpg", content, image, face) for content, image in pictures or [self.picture(person)]]
        enrolment = Enrolment(person, sent, pipeline_version(self.workplace.settings))
        return collection.add(self.workplace.database, OPTIONS, enrolment, Admission(100))

    @property
    def id(self) -> str:
        found = collection.find(self.workplace.database, "default", "collection")
        assert found is not None
        return found

    @property
    def recognizer(self):
        """What a worker recognizes by now."""
        return recognizer_for(self.workplace, self.cache, vars(builds.serving(self.workplace.database, self.id)))

    def names(self, person: str, count: int = 8) -> list[str | None]:
        """Whom the newest version takes so many faces of a person for."""
        faces = np.stack([self._left[person].pop() for _ in range(count)])
        return [found.person for found in self.recognizer.identify(faces)]

    def subjects(self) -> list[str]:
        return [example.person for example in collection.examples(self.workplace.database, self.id)]

    def counts(self, *tables) -> list[int]:
        with self.workplace.database.read() as connection:
            return [connection.scalar(select(func.count()).select_from(table)) for table in tables]


@pytest.fixture
def home(workplace) -> Home:
    return Home(workplace)


def test_a_face_is_known_at_once_and_strangers_are_not(home, workplace):
    assert collection.find(workplace.database, "default", "collection") is None
    added = home.add("Ada")
    assert (added.version, [example.person for example in added.examples]) == (1, ["Ada"])
    assert isinstance(home.recognizer, GalleryRecognizer)
    home.add("Ada", home.picture("Ada"), home.picture("Ada"))
    home.add("Ben", home.picture("Ben"), home.picture("Ben"))
    assert home.names("Ada").count("Ada") >= 7 and home.names("Ben").count("Ben") >= 7
    assert set(home.names("Eve")) == {None}
    assert collection.find(workplace.database, "somebody else", "collection") is None


def test_of_many_faces_in_a_row_the_last_version_alone_is_trained(home, workplace):
    home.add("Ada")
    training = tasks.claim(workplace.database, TaskKind.TRAIN, "train-0:a")
    ids = [home.add(name).examples[0].id for name in ("Ada", "Ben", "Ben")]
    assert home.counts(build_table, task_table) == [1, 1], "what was superseded is gone"
    with pytest.raises(BuildCancelled):
        runner.train_claim(workplace, training)
    asked = erasures.of_recognizer(workplace.database, home.id)
    assert [erasure.version for erasure in asked] == [1, 2, 3], "what its training may have written is gone after"
    status = builds.status(workplace.database, home.id)
    assert (status.version, status.state) == (4, BuildState.TRAINING)
    assert "recognition goes on" in status.message
    known = collection.examples(workplace.database, home.id)
    assert [example.person for example in known] == ["Ada", "Ada", "Ben", "Ben"]
    assert [example.id for example in known][1:] == ids, "an id stays what it is"


def test_a_face_counts_once_and_for_one_person(home):
    picture = home.picture("Ada", "Ben")
    first = home.add("Ada", picture)
    assert home.counts(encoded_faces) == [1], "nothing is kept of whoever else is in a picture"
    assert home.add("ada", picture) == first
    twice = home.add("Ada", *[home.picture("Ada")] * 2)
    assert twice.examples[0] == twice.examples[1] and home.subjects() == ["Ada", "Ada"]
    with pytest.raises(Conflict, match="stands for 'Ada'"):
        home.add("Ben", picture)
    home.add("Ben", picture, face=1)
    assert home.subjects() == ["Ada", "Ada", "Ben"]


def test_a_face_that_is_taken_away_is_known_by_nothing(home, workplace):
    home.add("Ada")
    gone = home.add("Ada").examples[0].id
    home.add("Ben")
    with pytest.raises(NotFound):
        collection.remove_face(workplace.database, workplace.storage, home.id, "no id")
    assert collection.remove_face(workplace.database, workplace.storage, home.id, gone).person == "Ada"
    assert home.subjects() == ["Ada", "Ben"] and home.counts(encoded_faces, build_table) == [2, 1]
    last = next(e.id for e in collection.examples(workplace.database, home.id) if e.person == "Ben")
    collection.remove_face(workplace.database, workplace.storage, home.id, last)
    assert home.subjects() == ["Ada"] and home.recognizer.labels == ("Ada",)
    assert home.add("Ben").examples[0].id != last
    with pytest.raises(NotFound, match="Eve"):
        collection.remove_person(workplace.database, workplace.storage, home.id, "Eve")


def test_with_the_last_person_the_collection_goes_and_a_new_face_begins_another(home, workplace):
    home.add("Ada")
    before = home.id
    collection.remove_person(workplace.database, workplace.storage, before, "ada")
    assert home.counts(encoded_faces, build_table) == [0, 0]
    with pytest.raises(Erased):
        collection.examples(workplace.database, before)
    home.add("Ada")
    assert home.id != before


def test_a_person_is_called_something_else_or_joins_somebody(home, workplace):
    home.add("Ada")
    home.add("Ben")
    assert collection.rename(workplace.database, home.id, "ada", "Countess") == 3
    assert home.recognizer.labels == ("Ben", "Countess")
    collection.rename(workplace.database, home.id, "Countess", "BEN")
    assert home.subjects() == ["Ben", "Ben"]


def test_pictures_that_are_still_encoded_are_waited_for(home, workplace, tmp_path):
    path = workplace.storage.incoming / "photo"
    path.write_bytes(b"no picture, but nobody looks")
    upload = Upload("Ada/1.jpg", "Ada", "0" * 64, path)
    admission = Admission(100)
    builds.submit(workplace.database, workplace.storage, [upload], OPTIONS, admission)
    with pytest.raises(Conflict, match="is being made"):
        home.add("Ada")
    with pytest.raises(NotReady):
        builds.serving(workplace.database, home.id)


def test_features_travel_to_the_last_bit(home):
    _, image = home.picture("Ada", "Ben")
    image = replace(
        image, faces=(replace(image.faces[0], quality=QualityFeatures(0.1, 2.0, 3.0, -4.0)), image.faces[1])
    )
    again = from_json(to_json(image))
    for one, other in zip(image.faces, again.faces, strict=True):
        assert np.array_equal(one.encoding, other.encoding) and other.encoding.dtype == np.float32
        assert (one.box, one.score, one.quality, one.index) == (other.box, other.score, other.quality, other.index)


def test_of_versions_of_single_changes_the_newest_that_is_ready_is_kept(home, workplace):
    def ends(state: BuildState) -> None:
        held = tasks.claim(workplace.database, TaskKind.TRAIN, "train-0:a")
        with workplace.database.write() as connection:
            assert tasks.finish_training(connection, held, tasks.Ended(state, ""))

    def versions() -> list[int]:
        return [version.version for version in builds.status(workplace.database, home.id).versions]

    home.add("Ada")
    with workplace.database.write() as connection:  # as though it had been built of a folder
        connection.execute(update(build_table).values(passing=False))
    ends(BuildState.READY)
    home.add("Ben")
    ends(BuildState.READY)
    home.add("Ada")
    assert versions() == [1, 2, 3], "the one that is ready serves whoever asks for finished versions"
    ends(BuildState.FAILED)
    home.add("Ben")
    assert versions() == [1, 2, 3, 4], "one that failed makes none before it needless"
    ends(BuildState.READY)
    home.add("Ada")
    assert versions() == [1, 4, 5], "what somebody built on purpose stays"
    assert [erasure.version for erasure in erasures.of_recognizer(workplace.database, home.id)] == [2, 3]
    assert home.subjects() == ["Ada", "Ben", "Ada", "Ben", "Ada"]


@pytest.mark.thorough
def test_a_trained_version_stays_until_a_face_of_it_is_taken_away(home, workplace):
    for name in ("Ada", "Ada", "Ben", "Ben"):
        home.add(name)
    runner.run_all(workplace)
    assert isinstance(home.recognizer, Recognizer) and home.names("Ada").count("Ada") >= 7
    ready = builds.status(workplace.database, home.id)
    assert (ready.version, ready.people, ready.making) == (4, ("Ada", "Ben"), None)

    cleo = home.add("Cleo", home.picture("Cleo"), home.picture("Cleo"))
    assert home.names("Cleo").count("Cleo") >= 7 and set(home.names("Eve")) == {None}
    assert builds.status(workplace.database, home.id).version == 4, "whoever asks for versions gets finished ones"
    assert builds.serving(workplace.database, home.id).version == 5
    forgetting.forget(workplace.database, workplace.storage, home.id, "Ben")
    assert home.subjects() == ["Ada", "Ada", "Cleo", "Cleo"]
    with pytest.raises(Erased):
        builds.status(workplace.database, home.id, 4)
    collection.remove_face(workplace.database, workplace.storage, home.id, cleo.examples[0].id)
    runner.run_all(workplace)
    status = builds.status(workplace.database, home.id)
    assert (status.people, status.manifest.faces_per_person) == (("Ada", "Cleo"), (2, 1))
    assert not workplace.storage.image_folder(home.id, status.version).exists()
    with pytest.raises(NotFound):
        growing.grow(workplace.database, workplace.storage, "0" * 32, [], Admission(100))
