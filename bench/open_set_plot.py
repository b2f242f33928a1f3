"""DIR against FPIR as a picture."""

from collections.abc import Mapping
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from bench.protocols import DRAWS, OpenSet

#: Legends of the sides, by the suffix of their figures, from the lowest curve to the highest.
_SIDES = {
    "_softmax": "Classifier alone (softmax)",
    "_nearest": "Nearest picture, Euclidean",
    "_cosine": "Mean of a person, cosine",
    "_learned": "Learned rule alone",
    "": "Rule and network (what recognizers decide by)",
}
#: Inches and dots per inch: 1600 pixels wide, with text that is still read at half of that.
_SIZE, _DPI = (8, 5.2), 200
#: Strangers at or above the threshold, below which a share of them is chance.
_LEAST_STRANGERS = 2


def draw(curves: Mapping[str, OpenSet], file: Path) -> None:
    """Draws the curves, by the suffix of their side, into a PNG file."""
    figure = Figure(figsize=_SIZE, layout="constrained")
    with mpl.rc_context({"font.size": 13}):
        axes = figure.subplots()
        for (suffix, label), style in zip(_SIDES.items(), (":", "--", "-", "-.", (0, (5, 1))), strict=True):
            curve = curves[suffix]
            shares = np.geomspace(_LEAST_STRANGERS * DRAWS / len(curve.strangers), 0.3, 120)
            axes.plot(shares, [100 * curve.dir_at(share) for share in shares], style, linewidth=2.4, label=label)
        axes.set_xscale("log")
        axes.set_xlabel("Strangers named (FPIR)")
        axes.set_ylabel("Known people named rightly (DIR), %")
        axes.xaxis.set_major_formatter(lambda share, _: f"{100 * share:g} %")
        axes.grid(which="both", alpha=0.25)
        axes.legend(loc="lower right", frameon=False)
        figure.savefig(file, dpi=_DPI)
