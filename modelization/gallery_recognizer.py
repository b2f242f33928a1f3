"""Names for encodings from the faces of people themselves: nothing is trained, and nothing is exported."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from features.training_set import TrainingSet
from modelization.decision.calibration import prior_threshold, strictness
from modelization.decision.decision_rule import LEARNED, RULES, THRESHOLD
from modelization.decision.gallery import enrol
from modelization.decision.near_decider import decider_of
from modelization.decision.prior import prior_of
from modelization.face_recognizer import FaceRecognizer

#: Pairs of a face and a person whose evidence is weighed at once: some 30 MB.
_PAIRS = 250_000


class Threshold(NamedTuple):
    """The least ``confidence`` with which a face is named, and the rule's own ``logit`` there.

    Without a logit, as before the threshold stood at one half, confidences are the rule's own.
    """

    confidence: float
    logit: float | None


class GalleryRecognizer(FaceRecognizer):
    """Names faces by a decision rule alone. Where the rule asks no network, that is what a head of these people does.

    One instance may serve several threads.
    """

    def __init__(
        self, faces: TrainingSet, pipeline_version: str, rule: str, placed: Threshold, target_fpir: float
    ) -> None:
        """The people of ``faces``, judged by the ``rule`` of that name and the ``placed`` threshold.

        In place of a rule that asks a network there is the learned one, with the prior's threshold for
        ``target_fpir``. Raises ``BuildFailed`` where the pipeline has no prior.
        """
        prior = prior_of(pipeline_version)
        gallery = enrol(faces.encodings, faces.people, len(faces.labels))
        if "network" in RULES[rule]:
            rule = LEARNED
            placed = Threshold(THRESHOLD, prior_threshold(prior.rules[rule].tail, gallery, target_fpir))
        super().__init__(faces.labels, placed.confidence, pipeline_version)
        own = prior.rules[rule].rule
        if placed.logit is not None:
            strict = strictness(prior.rules[rule].tail, len(gallery.faces), gallery.inverse_faces, target_fpir)
            own = own.placed(placed.logit, strict)
        self._decider = decider_of(prior.model, gallery, own)

    def _confidences(self, encodings: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        people = len(self.labels)
        at_once = max(1, _PAIRS // people)
        parts = [encodings[start : start + at_once] for start in range(0, max(len(encodings), 1), at_once)]
        return np.concatenate([self._decider.confidence(part, None) for part in parts])
