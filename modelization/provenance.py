"""What a training is told: the person's choices, and where the faces come from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from constants.reasons import Reason
from modelization.findings import Findings
from modelization.search.search_options import SearchOptions
from modelization.topology import DEFAULT_TOPOLOGY, Topology

#: Share of strangers named, unless the request says another.
_DEFAULT_TARGET_FPIR = 0.01
#: The smallest and largest share that may be asked for: below, no tail fitted to faces is to be
#: believed; above, the answer is no longer a name.
_MIN_TARGET_FPIR, _MAX_TARGET_FPIR = 0.0001, 0.5


@dataclass(frozen=True)
class TrainingOptions:
    """What the person may choose. Raises ``ValueError`` for a share of strangers that cannot be aimed at.

    With ``search`` a topology is looked for, and ``topology`` is only what the head has where none can be judged.
    """

    name: str = ""
    target_fpir: float = _DEFAULT_TARGET_FPIR
    seed: int = 0
    topology: Topology = DEFAULT_TOPOLOGY
    search: SearchOptions | None = None

    def __post_init__(self) -> None:
        if not _MIN_TARGET_FPIR <= self.target_fpir <= _MAX_TARGET_FPIR:
            raise ValueError(
                f"target_fpir is a share from {_MIN_TARGET_FPIR} to {_MAX_TARGET_FPIR}, not {self.target_fpir}."
            )
        if not 0 <= self.seed < 2**31:
            raise ValueError(f"seed is an integer from 0 to {2**31 - 1}, not {self.seed}.")


@dataclass(frozen=True)
class Provenance:
    """Where a version comes from; ``created_at`` is ISO 8601.

    ``rejected`` names the images that were not used by the reason, ``findings`` is what is probably wrong with those
    that were, and ``firsts`` names the files with several pictures of which the first alone was looked at.
    """

    recognizer_id: str
    version: int
    pipeline_version: str
    created_at: str
    images_used: int
    images_rejected: int
    rejected: Mapping[Reason, Sequence[str]] = field(default_factory=dict)
    findings: Findings = field(default_factory=Findings)
    firsts: Sequence[str] = ()
