"""What is known of faces at large, before anybody is known in particular: statistics, and nobody's encoding."""

import json
import re
from dataclasses import asdict, dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np

from constants.exceptions import BuildFailed
from modelization.decision.background import Background
from modelization.decision.decision_rule import DecisionRule
from modelization.decision.stranger_tail import StrangerTail
from modelization.decision.two_covariance import TwoCovariance

#: Where the priors that come with the project stand, one for each number of views.
PRIORS = Path(__file__).parent / "priors"

_VIEWS = re.compile(r"\.(landmarks5\.resnet\.views\d+)$")


@dataclass(frozen=True)
class CalibratedRule:
    """A decision rule, and how high strangers score by it."""

    rule: DecisionRule
    tail: StrangerTail


@dataclass(frozen=True)
class Prior:
    """Statistics of encodings of many people, the rules learned on galleries of them, and where they come from."""

    model: TwoCovariance
    rules: dict[str, CalibratedRule]
    provenance: dict[str, str | int]

    @cached_property
    def background(self) -> Background:
        """What networks are given of it."""
        return Background(self.model)

    def save(self, path: Path) -> None:
        """Write it to one file, of arrays and JSON."""
        text = {
            "rules": {name: [asdict(both.rule), asdict(both.tail)] for name, both in self.rules.items()},
            "provenance": self.provenance,
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(
            path,
            mean=self.model.mean.astype(np.float32),
            between=self.model.between.astype(np.float32),
            within=self.model.within.astype(np.float32),
            text=np.array(json.dumps(text, sort_keys=True)),
        )

    @classmethod
    def load(cls, path: Path) -> "Prior":
        with np.load(path, allow_pickle=False) as file:
            model = TwoCovariance(*(file[name].astype(np.float64) for name in ("mean", "between", "within")))
            text = json.loads(str(file["text"]))
        rules = {
            name: CalibratedRule(
                DecisionRule(rule["name"], tuple(rule["weights"]), rule["bias"]),
                StrangerTail(tuple(map(tuple, tail["coefficients"]))),
            )
            for name, (rule, tail) in text["rules"].items()
        }
        return cls(model, rules, text["provenance"])


def prior_path(pipeline_version: str) -> Path:
    """Where the prior for encodings of a pipeline stands.

    A detector only finds the face: what makes an encoding of it, and the statistics, is the same for all.
    """
    found = _VIEWS.search(pipeline_version)
    return PRIORS / f"{found[1] if found else pipeline_version}.npz"


@lru_cache(maxsize=4)
def prior_of(pipeline_version: str) -> Prior:
    """The prior for encodings of a pipeline. Raises ``BuildFailed`` where there is none."""
    path = prior_path(pipeline_version)
    if not path.exists():
        raise BuildFailed(
            f"There is no prior for the face pipeline {pipeline_version}; make one with: python run.py prior DATASET"
        )
    return Prior.load(path)
