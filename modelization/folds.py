"""Which faces are held out together."""

import numpy as np
import numpy.typing as npt

#: Folds where faces suffice: each head then learns from three quarters of the faces.
MAX_FOLDS = 4


#: The fold of a face that is never held out.
NEVER = -1


def assign_folds(people: npt.NDArray[np.int64], seed: int) -> npt.NDArray[np.int64]:
    """The fold that holds out each face, int64 (n,): 0 to K - 1, or ``NEVER``.

    K is the most faces that a person has, at most ``MAX_FOLDS``. A person's faces are spread evenly,
    so that others of the same person remain in training; a person's only face is never held out.
    """
    rng = np.random.default_rng(seed)
    folds = np.full(len(people), NEVER, np.int64)
    most = int(np.bincount(people).max())
    count = min(MAX_FOLDS, most)
    # A person's faces in their order, found once for all: looked for one person after another, the work would grow with
    # the square of the people.
    by_person = np.argsort(people, kind="stable")
    starts = np.flatnonzero(np.diff(people[by_person], prepend=-1))
    for own in np.split(by_person, starts[1:]):
        person, faces = int(people[own[0]]), rng.permutation(own)
        if len(faces) > 1:
            # Each person starts at another fold, so that the folds are of like size.
            folds[faces] = (np.arange(len(faces)) + person) % count
    return folds
