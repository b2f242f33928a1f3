"""Heaps of pictures: people found without labels against dlib's Chinese whispers, wrong labels, group photos."""

import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import cv2
import dlib
import numpy as np
import numpy.typing as npt

from bench import heaps
from bench.grouping import bcubed, pairwise
from bench.harness import arguments, progress, report, timed
from bench.heaps import Heap
from bench.tiled_photos import face_in_tile, tiled
from constants.settings import Settings
from features.clustering import cluster
from features.face_naming import Picture, named_faces
from features.wrong_labels import doubt_labels
from jobs.work.stages import image_features
from preprocessor.decoding import Photo
from preprocessor.face_pipeline import FacePipeline, make_pipeline
from preprocessor.types import EncodedImage

#: Least pictures of the people in the heap; people of one picture mixed in; most people of either in a short run.
LEAST_PICTURES, SINGLES, QUICK_PEOPLE = 4, 500, 40
#: Euclidean distance at which dlib's users cluster; their encodings are of one view.
DLIB_DISTANCE = 0.5
#: Faces that are clustered against the clock.
TIMED_FACES, QUICK_TIMED_FACES = 6000, 600
#: Share of labels exchanged at random, how often that is done, and the probability that counts as found.
EXCHANGED, DRAWS, SUSPECT = 0.05, 5, 0.5
#: Group photos at most, each labelled with another person, and the people in one.
GROUP_PHOTOS, IN_GROUP = 300, (2, 6)
SEED = 0

_Integers = npt.NDArray[np.int64]


def main() -> None:
    options = arguments(__doc__)
    rng = np.random.default_rng(SEED)
    pictures, more = _pictures(options.dataset, options.quick, rng)
    timed_faces = QUICK_TIMED_FACES if options.quick else TIMED_FACES
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data_dir=Path(folder), detector="cascade")
        pipeline = make_pipeline(settings)
        heap = heaps.encode(pipeline, pictures, "encoding")
        one_view = heaps.encode(make_pipeline(settings.model_copy(update={"views": 1})), pictures, "encoding for dlib")
        more = more[: max(timed_faces - len(heap.people), 0)]
        others = [heaps.encode(pipeline, more, "encoding more faces").encodings] if more else []
        several = heap.of_people_with(LEAST_PICTURES)
        photos, right = _group_photos(pipeline, several, rng)
    figures = _found_people(heap, one_view)
    figures["seconds_6000"] = _seconds(np.concatenate([heap.encodings, *others]), timed_faces, rng)
    figures |= _wrong_labels(several, rng)
    figures["group_faces_right"] = right
    samples = {"faces": len(heap.people), "people": len(np.unique(heap.people)), "faces_timed": timed_faces}
    report("cluster", figures, samples | {"labels": len(several.people), "draws": DRAWS, "group_photos": photos})


def _pictures(dataset: Path, quick: bool, rng: np.random.Generator) -> tuple[list[tuple[int, Path]], ...]:
    """The pictures of the heap, each with its person's number, and all the others."""
    files = [sorted(person.glob("*.jpg")) for person in sorted(dataset.iterdir()) if person.is_dir()]
    order = rng.permutation(len(files)).tolist()
    several = [person for person in order if len(files[person]) >= LEAST_PICTURES]
    singles = [person for person in order if len(files[person]) == 1]
    if len(several) < IN_GROUP[1]:
        sys.exit(f"{dataset} has {len(several)} people with {LEAST_PICTURES} pictures or more; more are needed.")
    chosen = set(several[:QUICK_PEOPLE] + singles[:QUICK_PEOPLE] if quick else several + singles[:SINGLES])
    numbered = [[(person, file) for file in files[person]] for person in order]
    return tuple(
        [picture for own in numbered for picture in own if (picture[0] in chosen) == wanted] for wanted in (True, False)
    )


def _found_people(heap: Heap, one_view: Heap) -> dict[str, float]:
    people = np.unique(heap.people, return_inverse=True)[1]
    ours = cluster(heap.encodings)
    vectors = [dlib.vector(encoding) for encoding in one_view.encodings]
    theirs = np.array(dlib.chinese_whispers_clustering(vectors, DLIB_DISTANCE), np.int64)
    return {
        "bcubed_f": bcubed(people, ours).f,
        "bcubed_f_dlib": bcubed(people, theirs).f,
        "pairwise_f1": pairwise(people, ours).f,
        "pairwise_f1_dlib": pairwise(people, theirs).f,
    }


def _seconds(encodings: npt.NDArray[np.float32], count: int, rng: np.random.Generator) -> float:
    """Seconds that clustering ``count`` faces takes.

    Where the data set has fewer, others are made of them: turned round their mean, they are as far from each other.
    """
    mean, enough = encodings.mean(axis=0), encodings
    while len(enough) < count:
        turn, _ = np.linalg.qr(rng.normal(size=(encodings.shape[1], encodings.shape[1])))
        enough = np.concatenate([enough, mean + (encodings - mean) @ turn.astype(np.float32)])
    return timed(cluster, enough[:count])[0]


def _wrong_labels(heap: Heap, rng: np.random.Generator) -> dict[str, float]:
    """The share of exchanged labels that are doubted, and of the others, the data set's own wrong ones included."""
    found, alarms = [], []
    for _ in range(DRAWS):
        labels = _exchanged(heap.people, rng)
        doubted = doubt_labels(heap.encodings, labels).wrong > SUSPECT
        wrong = labels != heap.people
        found.append(doubted[wrong].mean())
        alarms.append(doubted[~wrong].mean())
    return {"wrong_labels_found": float(np.mean(found)), "false_alarms": float(np.mean(alarms))}


def _exchanged(people: _Integers, rng: np.random.Generator) -> _Integers:
    """The labels with a share of them exchanged in pairs of two people."""
    labels, pairs = people.copy(), round(EXCHANGED * len(people) / 2)
    left = rng.permutation(len(people)).tolist()
    while pairs and left:
        one = left.pop()
        other = next((face for face in reversed(left) if people[face] != people[one]), None)
        if other is not None:
            left.remove(other)
            labels[one], labels[other] = people[other], people[one]
            pairs -= 1
    return labels


def _group_photos(pipeline: FacePipeline, heap: Heap, rng: np.random.Generator) -> tuple[int, float]:
    """How many group photos could be judged, and in what share of them the labelled person's face was taken.

    In each a person stands among others of the heap, with one of the pictures that then are not in the build.
    """
    pictures = [Picture(i, str(i), str(heap.people[i]), image) for i, image in enumerate(heap.images)]
    order = rng.permutation(len(heap.people))
    own = order[np.unique(heap.people[order], return_index=True)[1]]
    expected = {}
    for index in progress(rng.permutation(own)[:GROUP_PHOTOS].tolist(), "group photos"):
        photo, place, count = _group_photo(heap, index, rng)
        (found,) = pipeline.encode([photo])
        if isinstance(found, EncodedImage):
            image = image_features(found)
            expected[index] = face_in_tile(image, count, place)
            if expected[index] is not None:
                pictures[index] = replace(pictures[index], features=image)
    taken = {face.picture.file: face.face for face in named_faces(pictures)}
    right = [taken[index] == face for index, face in expected.items() if face is not None]
    return len(right), float(np.mean(right))


def _group_photo(heap: Heap, index: int, rng: np.random.Generator) -> tuple[bytes, int, int]:
    """A JPEG of the picture ``index`` among those of other people, its place in it, and how many people there are."""
    others = np.flatnonzero(heap.people != heap.people[index])
    count = int(rng.integers(IN_GROUP[0], IN_GROUP[1] + 1))
    chosen = [index, *rng.choice(others, count - 1, replace=False).tolist()]
    order = rng.permutation(count).tolist()
    place = order.index(0)
    pixels = tiled([Photo(heap.files[chosen[one]].read_bytes()).pixels() for one in order])
    written, data = cv2.imencode(".jpg", pixels[:, :, ::-1])
    if not written:
        raise RuntimeError("OpenCV could not write a JPEG")
    return data.tobytes(), place, count


if __name__ == "__main__":
    main()
