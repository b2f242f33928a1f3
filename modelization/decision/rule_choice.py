"""Which rule a recognizer decides by: the network's, unless a plainer one is shown to do better on its faces."""

from collections.abc import Mapping
from itertools import accumulate

import numpy as np
import numpy.typing as npt

from modelization.decision.decision_rule import LEARNED, NETWORK, logistic
from modelization.decision.held_out import HeldOut

#: A plainer rule takes the network's place only where chance would favour it so much less often than this.
_BETTER_SIGNIFICANCE = 0.05


def choose_rule(held_out: Mapping[str, HeldOut], thresholds: Mapping[str, float]) -> str:
    """The name of the rule to use, by held-out faces named rightly, each rule at its own threshold.

    Another than ``network`` only where it names significantly more faces rightly and no more strangers (the
    exact test of McNemar 1947, one-sided, with Bonferroni's correction for the number of baselines). Where no network
    was trained, ``learned``.
    """
    if NETWORK not in held_out:
        return LEARNED
    named = {name: named_rightly(held_out[name], thresholds[name]) for name in held_out}
    strangers = {name: strangers_named(held_out[name], thresholds[name]).sum() for name in held_out}
    better = [
        name
        for name in held_out
        if name != NETWORK
        and strangers[name] <= strangers[NETWORK]
        and _chance(named[name], named[NETWORK]) < _BETTER_SIGNIFICANCE / (len(held_out) - 1)
    ]
    return max(better, key=lambda name: named[name].sum(), default=NETWORK)


def named_rightly(held_out: HeldOut, threshold: float) -> npt.NDArray[np.bool_]:
    """Of the known faces, whether each is named, and rightly, at a threshold of confidence."""
    return np.asarray(held_out.right() & (logistic(held_out.best()) >= threshold))


def strangers_named(held_out: HeldOut, threshold: float) -> npt.NDArray[np.bool_]:
    """Whether each face is named when its own person is not there."""
    return np.asarray(logistic(held_out.strangers) >= threshold)


def _chance(rule: npt.NDArray[np.bool_], rival: npt.NDArray[np.bool_]) -> float:
    """How likely equal rules would differ so much in favour of the first."""
    gained, lost = int((rule & ~rival).sum()), int((rival & ~rule).sum())
    differing = gained + lost
    # One coefficient from the one before: of thousands of faces, each alone takes milliseconds.
    ways = accumulate(range(lost), lambda ways, k: ways * (differing - k) // (k + 1), initial=1)
    return float(sum(ways) / 2**differing)
