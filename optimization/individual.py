"""A judged genome, and where it comes from."""

from dataclasses import asdict, dataclass, field
from typing import Any

from optimization.genome import Genome, from_json


@dataclass(frozen=True)
class Score:
    """What judging a genome gave: ``objectives``, each the less the better, and ``notes`` for whoever judged it.

    Notes are plain values that JSON keeps.
    """

    objectives: tuple[float, ...]
    notes: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Individual:
    """``number`` counts all that were judged; ``parents`` are the numbers of none, one or two of them."""

    number: int
    generation: int
    genome: Genome
    parents: tuple[int, ...]
    score: Score

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Individual":
        return cls(
            value["number"],
            value["generation"],
            from_json(value["genome"]),
            tuple(value["parents"]),
            Score(tuple(value["score"]["objectives"]), value["score"]["notes"]),
        )
