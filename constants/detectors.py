"""The ways of finding faces, by the names that settings, requests and pipelines have for them."""

from typing import Literal

#: HOG (faces of 80 pixels), HOG on the doubled picture (40), or MMOD; ``cascade`` asks each where the one before found
#: nothing. ``every`` takes the faces of both HOGs together, and MMOD's where they find nothing; of a picture that is
#: one person's it looks for that person's face, as ``cascade`` does.
DetectorName = Literal["every", "cascade", "hog", "mmod"]
