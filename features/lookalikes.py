"""Faces that nobody has named and that may be of a person all the same."""

import numpy as np
import numpy.typing as npt

from features.angle_evidence import angle, evidence, unit


def may_be_of(encodings: npt.NDArray[np.float32], person: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
    """For each encoding (n, 128) whether it speaks for being of the person whose faces are ``person`` (m, 128).

    A doubtful one counts: this is for faces that must not be kept rather than for those to learn from.
    """
    if len(encodings) == 0 or len(person) == 0:
        return np.zeros(len(encodings), bool)
    return evidence(angle(unit(encodings) @ unit(person).mean(axis=0)), len(person)) > 0
