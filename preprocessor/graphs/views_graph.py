"""The views of a chip that ``ViewsEncoder`` averages, as part of an ONNX graph."""

import numpy as np
import numpy.typing as npt

from constants.faces import CHIP_SIDE, VIEW_ROTATION
from preprocessor.graphs.expression import Expression, concatenated, constant, stacked


def add_views(chip: Expression, views: int) -> Expression:
    """1, 2 or 6 views, uint8 (views, 150, 150, 3), of a chip (150, 150, 3); see ``ViewsEncoder``."""
    if views == 1:
        return stacked([chip])
    both = stacked([chip, chip.take(np.arange(CHIP_SIDE)[::-1], axis=1)])
    if views == 2:
        return both
    return concatenated([both, *(_turned(both, degrees) for degrees in (VIEW_ROTATION, -VIEW_ROTATION))])


def _turned(chips: Expression, degrees: float) -> Expression:
    builder = chips.builder
    planes = chips.to(np.float32).apply("Transpose", perm=(0, 3, 1, 2))
    grid = constant(builder, np.stack([_grid(degrees)] * 2), np.float32)
    turned = planes.apply("GridSample", grid, align_corners=1, mode="bilinear", padding_mode="border")
    return turned.apply("Transpose", perm=(0, 2, 3, 1)).apply("Round").to(np.uint8)


def _grid(degrees: float) -> npt.NDArray[np.float64]:
    """Where the pixels of a chip turned counter-clockwise come from, (150, 150, 2), -1 to 1 between its corners."""
    along = np.linspace(-1, 1, CHIP_SIDE)
    x, y = np.meshgrid(along, along)
    cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.stack([cosine * x - sine * y, sine * x + cosine * y], axis=-1)
