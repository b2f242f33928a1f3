"""Names for encodings from the faces of people themselves: nothing is trained, and nothing is exported."""

import numpy as np
import numpy.typing as npt

from features.training_set import TrainingSet
from modelization.decision.calibration import prior_threshold
from modelization.decision.decision_rule import RULES, Decider
from modelization.decision.gallery import enrol
from modelization.decision.prior import prior_of
from modelization.decision.rule_choice import LEARNED
from modelization.face_recognizer import FaceRecognizer

#: Pairs of a face and a person whose evidence is weighed at once: some 30 MB.
_PAIRS = 250_000


class GalleryRecognizer(FaceRecognizer):
    """Names faces by a decision rule alone. Where the rule asks no network, that is what a head of these people does.

    One instance may serve several threads.
    """

    def __init__(
        self, faces: TrainingSet, pipeline_version: str, rule: str, threshold: float, target_fpir: float
    ) -> None:
        """The people of ``faces``, judged by the ``rule`` of that name from a confidence of ``threshold`` on.

        In place of a rule that asks a network there is the learned one, with the prior's threshold for
        ``target_fpir``. Raises ``BuildFailed`` where the pipeline has no prior.
        """
        prior = prior_of(pipeline_version)
        gallery = enrol(faces.encodings, faces.people, len(faces.labels))
        if "posterior" in RULES[rule]:
            rule = LEARNED
            threshold = prior_threshold(prior.rules[rule].tail, gallery, target_fpir)
        super().__init__(faces.labels, threshold, pipeline_version)
        self._decider = Decider(prior.model, gallery, prior.rules[rule].rule)

    def _confidences(self, encodings: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        people = len(self.labels)
        at_once = max(1, _PAIRS // people)
        parts = [encodings[start : start + at_once] for start in range(0, max(len(encodings), 1), at_once)]
        # The rule weighs a posterior with nothing.
        return np.concatenate([self._decider.confidence(part, np.ones((len(part), people))) for part in parts])
