"""The threshold that keeps the promise: the logit that a rule must reach for a name, given the strangers allowed."""

from collections.abc import Collection
from typing import NamedTuple

import numpy as np

from modelization.decision.gallery import Gallery
from modelization.decision.held_out import HeldOut
from modelization.decision.prior import CalibratedRule
from modelization.decision.stranger_tail import StrangerTail

#: Share of the asked FPIR that a threshold aims at, so that galleries which name more strangers than others of
#: their size keep the promise too. It costs 0.2 points of DIR.
_FPIR_AIM = 0.7
#: Below this asked FPIR galleries differ more and more, and the aim falls by the ratio to this power: at 0.001 it
#: is 0.28 of what is asked, for about a point of DIR.
_CAUTION_BELOW, _CAUTION_EXPONENT = 0.01, 0.4
#: People of a recognizer that weigh as much as the prior does in its threshold. What the faces of 5 to 100 people
#: say of strangers explained next to nothing of how recognizers differ there; people unlike the prior's would have
#: more to say, so it is not more.
_PRIOR_PEOPLE = 200
#: Share of strangers asked for at whose threshold a face is as likely somebody known as not, where as many strangers
#: come as known people: confidences placed there have calibration errors of 0.003 to 0.007.
_EVEN_FPIR = 0.01


def calibrate(calibrated: CalibratedRule, held_out: HeldOut, target_fpir: float) -> float:
    """The least logit of the rule with which at most about ``target_fpir`` of strangers would be named.

    The prior says where strangers lie for a gallery of this size. How people resemble each other here,
    by the faces of each person were that person not known, moves it as far as there are people to show it.
    """
    people = len(held_out.faces_per_person)
    share = aimed_share(target_fpir)
    threshold = calibrated.tail.threshold(share, people, held_out.inverse_faces)
    if people > 2:
        expected = calibrated.tail.threshold(0.5, people - 1, held_out.inverse_faces)
        own = people / (people + _PRIOR_PEOPLE)
        threshold += own * (float(np.median(held_out.strangers)) - expected)
    return threshold


def strictness(tail: StrangerTail, people: int, inverse_faces: float, target_fpir: float) -> float:
    """Nats by which the threshold lies above the one for the usual share of strangers, at which odds are even.

    How people resemble each other here moves both alike.
    """
    asked, even = (tail.threshold(aimed_share(share), people, inverse_faces) for share in (target_fpir, _EVEN_FPIR))
    return asked - even


def prior_threshold(tail: StrangerTail, gallery: Gallery, target_fpir: float) -> float:
    """The same by the prior alone, for a gallery of which no face was held out."""
    return tail.threshold(aimed_share(target_fpir), len(gallery.faces), gallery.inverse_faces)


class GallerySize(NamedTuple):
    """What a threshold for strangers depends on: how many people there are, and their mean of 1 / faces."""

    people: int
    inverse_faces: float

    @classmethod
    def of(cls, faces_per_person: Collection[int]) -> "GallerySize":
        people = len(faces_per_person)
        return cls(people, sum(1 / faces for faces in faces_per_person) / people)


def moved_threshold(
    tail: StrangerTail, logit: float, before: GallerySize, after: GallerySize, target_fpir: float
) -> float:
    """A threshold that was calibrated among so many people, for more or fewer, as the prior knows of their numbers."""
    share = aimed_share(target_fpir)
    return logit + tail.threshold(share, *after) - tail.threshold(share, *before)


def aimed_share(target_fpir: float) -> float:
    """What is aimed at so that the promise holds for nearly every gallery, not for the average one."""
    caution = min(1.0, target_fpir / _CAUTION_BELOW) ** _CAUTION_EXPONENT
    return float(target_fpir * _FPIR_AIM * caution)
