"""A decision among many people: by all evidence, of those alone who may be the face."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from modelization.decision.confidence_curve import bent
from modelization.decision.decision_rule import Decider, DecisionRule, logistic
from modelization.decision.evidence import weigh_nearest
from modelization.decision.gallery import Gallery
from modelization.decision.shortlist import MOST_JUDGED, Shortlist
from modelization.decision.two_covariance import TwoCovariance
from modelization.decision.usable import usable


@dataclass(frozen=True)
class NearDecider(Decider):
    """A decider whose rule asks no network, and whose ``shortlist`` has the people whom it judges for each face."""

    shortlist: Shortlist

    @classmethod
    def of(cls, model: TwoCovariance, gallery: Gallery, rule: DecisionRule) -> "NearDecider":
        """The one that judges as ``Decider(model, gallery, rule)`` does, as far as anybody could be named."""
        return cls(model, gallery, rule, Shortlist.of(model, gallery, rule))

    def confidence(
        self, encodings: npt.NDArray[np.floating], posterior: npt.NDArray[np.floating] | None = None
    ) -> npt.NDArray[np.float64]:
        """As ``Decider.confidence``; of people who are not on a face's shortlist it is zero."""
        assert posterior is None, "of so many people there is no network"
        is_usable = usable(encodings)[:, None]
        faces = np.where(is_usable, encodings, 1.0)
        nearest = self.shortlist.nearest(faces)
        found = np.zeros((len(faces), len(self.gallery.faces)))
        logits = bent(self.rule.logits(weigh_nearest(self.model, self.gallery, faces, nearest)), self.rule.strictness)
        np.put_along_axis(found, nearest, np.where(is_usable, logistic(logits), 0.0), axis=1)
        return found


def decider_of(model: TwoCovariance, gallery: Gallery, rule: DecisionRule) -> Decider:
    """What decides among so many people by a rule that asks no network."""
    kind = NearDecider.of if len(gallery.faces) > MOST_JUDGED else Decider
    return kind(model, gallery, rule)
