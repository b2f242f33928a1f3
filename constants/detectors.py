"""The ways of finding faces, by the names that settings, requests and pipelines have for them."""

from typing import Literal

#: HOG (faces of 80 pixels), HOG on the doubled picture (40), MMOD, or each in turn.
DetectorName = Literal["cascade", "hog", "mmod"]
