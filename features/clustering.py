"""Faces without labels, grouped into people."""

import dlib
import numpy as np
import numpy.typing as npt

#: Euclidean distance of two encodings below which they are linked. dlib publishes 0.6 for deciding
#: about one pair; a chain of links needs a surer one, and 0.5 is what dlib's users cluster with.
LINK_DISTANCE = 0.5


def cluster(encodings: npt.NDArray[np.float32]) -> npt.NDArray[np.int64]:
    """A group number for each face, shape (n,), from encodings (n, 128); the largest group is 0.

    Chinese whispers (Biemann, 2006) as dlib has it. Groups of one size are numbered by their first face.
    """
    if len(encodings) == 0:
        return np.empty(0, np.int64)
    found = np.array(dlib.chinese_whispers_clustering([dlib.vector(e) for e in encodings], LINK_DISTANCE), np.int64)
    groups, first, sizes = np.unique(found, return_index=True, return_counts=True)
    rank = np.empty(groups.max() + 1, np.int64)
    rank[groups[np.lexsort((first, -sizes))]] = np.arange(len(groups))
    return rank[found]
