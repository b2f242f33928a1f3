"""The threshold that keeps the promise: how sure a rule must be for a name, given the share of strangers allowed."""

import numpy as np

from constants.training import CAUTION_BELOW, CAUTION_EXPONENT, FPIR_AIM, MAX_THRESHOLD_LOGIT, POPULATION_PEOPLE
from modelization.decision.decision_rule import logistic
from modelization.decision.held_out import HeldOut
from modelization.decision.prior import CalibratedRule


def calibrate(calibrated: CalibratedRule, held_out: HeldOut, target_fpir: float) -> float:
    """The least confidence, in (0, 1), with which at most about ``target_fpir`` of strangers would be named.

    The population says where strangers lie for a gallery of this size. How people resemble each other here,
    by the faces of each person were that person not known, moves it as far as there are people to show it.
    """
    people = len(held_out.faces_per_person)
    share = aimed_share(target_fpir)
    threshold = calibrated.tail.threshold(share, people, held_out.inverse_faces)
    if people > 2:
        expected = calibrated.tail.threshold(0.5, people - 1, held_out.inverse_faces)
        own = people / (people + POPULATION_PEOPLE)
        threshold += own * (float(np.median(held_out.strangers)) - expected)
    return float(logistic(min(threshold, MAX_THRESHOLD_LOGIT)))


def aimed_share(target_fpir: float) -> float:
    """What is aimed at so that the promise holds for nearly every gallery, not for the average one."""
    caution = min(1.0, target_fpir / CAUTION_BELOW) ** CAUTION_EXPONENT
    return float(target_fpir * FPIR_AIM * caution)
