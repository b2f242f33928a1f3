"""The similarity transform between two sets of points, as part of an ONNX graph."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from preprocessor.graphs.expression import Expression, stacked


class Similarity(NamedTuple):
    """(x, y) goes to (cosine x - sine y, sine x + cosine y) + shift; float64 of shapes (), () and (2,)."""

    cosine: Expression
    sine: Expression
    shift: Expression


def add_similarity(points: npt.NDArray[np.floating], images: Expression) -> Similarity:
    """The transform that brings points (n, 2) nearest to their images, float64 (n, 2), by least squares.

    Umeyama 1991, which in the plane needs no decomposition: without a reflection, the best rotation
    and scale are the means of the points' products as complex numbers.
    """
    wide = np.asarray(points, np.float64)
    middle, images_middle = wide.mean(axis=0), images.apply("ReduceMean", axes=[0], keepdims=0)
    from_middle = wide - middle
    products = from_middle / (from_middle**2).sum()
    centred = images - images_middle
    cosine = (centred * products).sum()
    sine = (centred * (products[:, ::-1] * (-1, 1))).sum()
    turned = stacked([cosine * middle[0] - sine * middle[1], sine * middle[0] + cosine * middle[1]])
    return Similarity(cosine, sine, images_middle - turned)
