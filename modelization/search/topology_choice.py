"""Which of the topologies that were judged is taken."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from modelization.topology import Topology


@dataclass(frozen=True)
class JudgedTopology:
    """A topology and its held-out figures.

    ``error`` with its ``standard_error`` is that of ``Judgement``; ``missed`` the share of held-out faces not named
    rightly; ``parameters`` counts the numbers of the network; not ``complete`` are figures of a training cut short.
    """

    topology: Topology
    error: float
    standard_error: float
    missed: float
    parameters: int
    complete: bool

    @property
    def layers(self) -> int:
        return len(self.topology.layers)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "topology": self.topology.to_json(),
            "error": self.error,
            "standard_error": self.standard_error,
            "missed": self.missed,
            "layers": self.layers,
            "parameters": self.parameters,
            "complete": self.complete,
        }


def choose(judged: Sequence[JudgedTopology], default: JudgedTopology) -> JudgedTopology:
    """The one with the fewest layers, then parameters, among those as good as the best.

    As good is an error within one standard error of the least, the best one's (Breiman et al. 1984, the rule of
    one standard error), and no more held-out faces missed than by the default. ``judged`` holds the default.
    """
    complete = [topology for topology in judged if topology.complete]
    best = min(complete, key=lambda topology: topology.error)
    limit = best.error + best.standard_error
    # The best itself may miss more faces than the default, where it names the others by more: then the default stays.
    as_good = [topology for topology in complete if topology.error <= limit and topology.missed <= default.missed]
    good = as_good or [default]
    return min(good, key=lambda topology: (topology.layers, topology.parameters, topology.error))
