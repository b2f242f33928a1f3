"""Learning a prior from a data set of many people: covariances, decision rules, and how high strangers score."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression

from modelization.decision.decision_rule import RULES, DecisionRule
from modelization.decision.drawn_galleries import DrawnGallery, draw_galleries
from modelization.decision.evidence import EVIDENCE
from modelization.decision.prior import CalibratedRule, Prior
from modelization.decision.stranger_tail import StrangerScores, fit_tail
from modelization.decision.two_covariance import estimate

#: Galleries that the rules are learned on, and how many of them train a head, for the rules that ask one.
PRIOR_GALLERIES, PRIOR_HEADS = 240, 96

_Floats = npt.NDArray[np.float64]


def fit_prior(
    encodings: npt.NDArray[np.float32],
    people: npt.NDArray[np.int64],
    provenance: dict[str, str | int],
    seed: int = 0,
    report: Callable[[int, int], None] = lambda *_: None,
) -> Prior:
    """The prior of raw encodings (n, 128) of many people, (n,). The same faces and seed give the same prior.

    Reports galleries done and in all. Raises ``ValueError`` where there are too few people to draw galleries
    from. Rules are learned on galleries of people whom the covariances they use have not seen: each half
    of the people is judged with the other's.
    """
    rng = np.random.default_rng(seed)
    who = rng.permutation(np.unique(people))
    galleries: list[DrawnGallery] = []
    for half in range(2):
        inside = np.isin(people, who[half::2])
        model = estimate(encodings[~inside], people[~inside])
        with_head = [number < PRIOR_HEADS // 2 for number in range(PRIOR_GALLERIES // 2)]
        for gallery in draw_galleries(encodings[inside], people[inside], model, with_head, rng):
            galleries.append(gallery)
            report(len(galleries), PRIOR_GALLERIES)
    rules = {name: _calibrated(name, galleries) for name in RULES}
    return Prior(estimate(encodings, people), rules, provenance)


def _calibrated(name: str, galleries: list[DrawnGallery]) -> CalibratedRule:
    if "network" in RULES[name]:
        galleries = [gallery for gallery in galleries if gallery.has_head]
    rule = _fit(name, galleries)
    scores = [
        StrangerScores(
            gallery.people,
            gallery.inverse_faces,
            rule.logits(gallery.evidence[gallery.strangers]).max(axis=1),
        )
        for gallery in galleries
    ]
    return CalibratedRule(rule, fit_tail(scores))


def _fit(name: str, galleries: list[DrawnGallery]) -> DecisionRule:
    """First on the nearest person to each face, then on the person whom the rule itself puts first."""
    evidence = np.concatenate([gallery.evidence for gallery in galleries])
    right = np.concatenate([gallery.right for gallery in galleries])
    rule = fit_rule(name, evidence[:, 0], right[:, 0])
    best = rule.logits(evidence).argmax(axis=1)
    rows = np.arange(len(best))
    return fit_rule(name, evidence[rows, best], right[rows, best])


def fit_rule(name: str, evidence: _Floats, right: npt.NDArray[np.bool_]) -> DecisionRule:
    """The rule of this name that tells right from wrong in evidence (n, len(EVIDENCE)).

    Both kinds weigh the same, so that 0.5 means as likely as not where as many strangers come as known people.
    """
    columns = [EVIDENCE.index(column) for column in RULES[name]]
    chosen = evidence[:, columns]
    mean, spread = chosen.mean(axis=0), chosen.std(axis=0)
    fitted = LogisticRegression(class_weight="balanced", max_iter=10_000).fit((chosen - mean) / spread, right)
    weights = np.zeros(len(EVIDENCE))
    weights[columns] = fitted.coef_[0] / spread
    bias = float(fitted.intercept_[0] - weights[columns] @ mean)
    return DecisionRule(name, tuple(weights.tolist()), bias)
