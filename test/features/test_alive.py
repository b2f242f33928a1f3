"""What takes minutes with a hundred thousand faces says that it is still at it, and ends where that is answered so."""

from collections.abc import Callable

import numpy as np
import pytest

from features import angle_evidence, cells
from features.alive import Alive
from features.clustering import cluster
from features.doctor import examine
from features.face_naming import Picture, named_faces
from features.store import FaceFeatures, ImageFeatures
from features.wrong_labels import doubt_labels
from test.modelization import made_up

#: Faces of the test; and how many are compared with all others at once.
FACES, BLOCK = 60, 10


class EnoughError(Exception):
    """The work is wanted no more."""


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(angle_evidence, "_BLOCK", BLOCK)
    monkeypatch.setattr(cells, "_BLOCK", BLOCK)


def pictures(labelled: bool) -> list[Picture]:
    """Of ten people, each picture with somebody else's face beside the person's."""
    encodings, people = made_up.faces([FACES // 10] * 10, seed=4)
    boxes = [(0.0, 0.0, 90.0, 90.0), (100.0, 0.0, 190.0, 90.0)]
    found = []
    for number, person in enumerate(people):
        faces = [
            FaceFeatures(box, 1.0, np.zeros((5, 2), np.float32), encodings[(number + 7 * place) % FACES], index=place)
            for place, box in enumerate(boxes)
        ]
        label = f"person {person}" if labelled else None
        found.append(Picture(number, f"{number:064x}", label, ImageFeatures(200, 100, tuple(faces))))
    return found


def group(alive: Alive) -> None:
    cluster(made_up.faces([FACES // 10] * 10, seed=4)[0], alive=alive)


def doubt(alive: Alive) -> None:
    doubt_labels(*made_up.faces([FACES // 10] * 10, seed=4), alive)


def name_labelled(alive: Alive) -> None:
    named_faces(pictures(labelled=True), alive=alive)


def name_others(alive: Alive) -> None:
    named_faces(pictures(labelled=False), alive=alive)


def look(alive: Alive) -> None:
    own = pictures(labelled=True)
    examine(own, named_faces(own), alive)


@pytest.mark.parametrize(
    ("work", "least"),
    [
        (group, FACES),  # with every face that a chain comes to
        (name_others, FACES),
        (doubt, 6 * FACES // BLOCK),  # with every block of every round
        (name_labelled, 2 * 2 * FACES // BLOCK),
        (look, 7 * FACES // BLOCK),
    ],
)
def test_signs_of_life_come_while_it_works(work: Callable[[Alive], None], least: int) -> None:
    signs: list[int] = []
    work(lambda: signs.append(1))
    assert len(signs) >= least

    def enough() -> None:
        signs.append(1)
        if len(signs) >= least // 2:
            raise EnoughError

    signs.clear()
    with pytest.raises(EnoughError):
        work(enough)
