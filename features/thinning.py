"""Of many faces of one person the few that differ most."""

import numpy as np
import numpy.typing as npt

from features.angle_evidence import NEAR_DUPLICATE_ANGLE, angle, evidence, unit


def thinned(encodings: npt.NDArray[np.float32], most: int) -> npt.NDArray[np.int64]:
    """The indices, rising, of at most ``most`` faces of one person, encodings (n, 128), that are no near-duplicates.

    The most typical face comes first, then always the one farthest from all before (Gonzalez 1985). A face that
    speaks against being of the same person as that one is not of use, however different it is.
    """
    faces = unit(encodings)
    if len(faces) == 0:
        return np.empty(0, np.int64)
    first = int((faces @ faces.sum(axis=0)).argmax())
    nearest = angle(faces @ faces[first])
    usable = evidence(nearest) > 0
    chosen = [first]
    while len(chosen) < most:
        farthest = int(np.where(usable, nearest, -1.0).argmax())
        if nearest[farthest] < NEAR_DUPLICATE_ANGLE or not usable[farthest]:
            break
        chosen.append(farthest)
        nearest = np.minimum(nearest, angle(faces @ faces[farthest]))
    return np.sort(np.array(chosen, np.int64))
