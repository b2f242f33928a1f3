"""What a training is told: the person's choices, and where the faces come from."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from constants.reasons import Reason
from constants.training import DEFAULT_TARGET_FPIR, MAX_TARGET_FPIR, MIN_TARGET_FPIR
from modelization.findings import Findings
from modelization.search.search_options import SearchOptions
from modelization.topology import DEFAULT_TOPOLOGY, Topology


@dataclass(frozen=True)
class TrainingOptions:
    """What the person may choose. Raises ``ValueError`` for a share of strangers that cannot be aimed at.

    With ``search`` a topology is looked for, and ``topology`` is only what the head has where none can be judged.
    """

    name: str = ""
    target_fpir: float = DEFAULT_TARGET_FPIR
    seed: int = 0
    topology: Topology = DEFAULT_TOPOLOGY
    search: SearchOptions | None = None

    def __post_init__(self) -> None:
        if not MIN_TARGET_FPIR <= self.target_fpir <= MAX_TARGET_FPIR:
            raise ValueError(
                f"target_fpir is a share from {MIN_TARGET_FPIR} to {MAX_TARGET_FPIR}, not {self.target_fpir}."
            )
        if not 0 <= self.seed < 2**31:
            raise ValueError(f"seed is an integer from 0 to {2**31 - 1}, not {self.seed}.")


@dataclass(frozen=True)
class Provenance:
    """Where a version comes from; ``created_at`` is ISO 8601.

    ``rejected`` counts the images that were not used by the reason, ``findings`` is what is probably wrong with those
    that were.
    """

    recognizer_id: str
    version: int
    pipeline_version: str
    created_at: str
    images_used: int
    images_rejected: int
    rejected: Mapping[Reason, int] = field(default_factory=dict)
    findings: Findings = field(default_factory=Findings)
