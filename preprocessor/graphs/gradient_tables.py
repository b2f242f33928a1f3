"""The length and the direction of every gradient of a grey picture, looked up in tables, as part of an ONNX graph.

As dlib's ``fhog.h`` has them: a direction is one of 18, the nearest of nine unit vectors and their opposites.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from preprocessor.graphs.builder import GraphBuilder
from preprocessor.graphs.expression import Expression, constant

#: The unit vectors that dlib compares a gradient with; rounded as there.
UNIT_VECTORS = np.array(
    [
        (1.0, 0.0),
        (0.9397, 0.3420),
        (0.7660, 0.6428),
        (0.5, 0.8660),
        (0.1736, 0.9848),
        (-0.1736, 0.9848),
        (-0.5, 0.8660),
        (-0.7660, 0.6428),
        (-0.9397, 0.3420),
    ],
    np.float32,
)
#: Directions, of which the second half are the opposites of the first.
DIRECTIONS = 2 * len(UNIT_VECTORS)
#: Entries of a table for each x: a difference of two bytes lies between its halves.
SIDE = 512


class GradientTables(NamedTuple):
    """Values of a graph: lengths float32, and numbers of directions uint8, (512 * 512,).

    A gradient of whole numbers x and y stands at 512 x + y, which is counted from the end where it is below zero.
    """

    lengths: Expression
    directions: Expression

    def looked_up(self, places: Expression) -> tuple[Expression, Expression]:
        """Lengths, float32, and directions, int32, of gradients at some places, (n,)."""
        # Four bytes are looked up quicker than one; ONNX Runtime makes this table when it loads the graph.
        tables = self.lengths, self.directions.to(np.int32)
        lengths, directions = (table.apply("GatherElements", places, axis=0) for table in tables)
        return lengths, directions


def add_gradient_tables(builder: GraphBuilder) -> GradientTables:
    """The tables as constants of a graph."""
    return GradientTables(*(constant(builder, table, table.dtype) for table in gradient_tables()))


def gradient_tables() -> tuple[npt.NDArray[np.float32], npt.NDArray[np.uint8]]:
    """Lengths and directions as arrays: see ``GradientTables``."""
    places = np.arange(SIDE, dtype=np.float32)
    numbers = np.where(places < SIDE / 2, places, places - SIDE)
    # Where y is below zero, it is counted from the end of the x before.
    y, x = numbers[None, :], numbers[:, None] + (numbers < 0)[None, :]
    dots = np.stack([x * along + y * up for along, up in UNIT_VECTORS])
    # Of those that are equally near dlib takes the first, each before its opposite.
    nearest, is_opposite = np.divmod(np.stack([dots, -dots], axis=1).reshape(DIRECTIONS, -1).argmax(axis=0), 2)
    lengths = np.sqrt(x * x + y * y).ravel()
    return lengths, (nearest + len(UNIT_VECTORS) * is_opposite).astype(np.uint8)
