"""The shape of a head: its hidden layers, as plain data."""

from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

#: Hidden layers that a topology may have; deeper heads never paid on encodings.
MAX_LAYERS = 8


#: Units that a hidden layer may have; four times the encoding's size.
MAX_UNITS = 512

#: Activations that Keras and ONNX both have under one definition.
Activation = Literal["relu", "elu", "selu", "tanh", "sigmoid"]
ACTIVATIONS: tuple[Activation, ...] = get_args(Activation)


@dataclass(frozen=True)
class Layer:
    """A hidden layer: its width, its activation, and the share of its outputs dropped in training.

    Raises ``ValueError`` for a layer that cannot be built.
    """

    units: int
    activation: Activation = "relu"
    dropout: float = 0.0

    def __post_init__(self) -> None:
        if not 1 <= self.units <= MAX_UNITS:
            raise ValueError(f"A layer has 1 to {MAX_UNITS} units, not {self.units}.")
        if self.activation not in ACTIVATIONS:
            raise ValueError(f"An activation is one of {', '.join(ACTIVATIONS)}, not {self.activation!r}.")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"A dropout is at least 0 and below 1, not {self.dropout}.")


@dataclass(frozen=True)
class Topology:
    """Hidden layers between an encoding and the people; none makes a linear head."""

    layers: tuple[Layer, ...]

    def __post_init__(self) -> None:
        if len(self.layers) > MAX_LAYERS:
            raise ValueError(f"A topology has at most {MAX_LAYERS} hidden layers, not {len(self.layers)}.")

    def to_json(self) -> dict[str, Any]:
        """Plain dictionaries, lists and numbers."""
        return {"layers": [asdict(layer) for layer in self.layers]}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Topology":
        """The topology that ``to_json`` wrote. Raises ``ValueError`` for anything else."""
        try:
            return cls(tuple(Layer(**layer) for layer in value["layers"]))
        except (TypeError, KeyError) as error:
            raise ValueError(f"This is not a topology: {error}.") from error


#: No hidden layer: beside a wider one it named as many people or more, with 3 to 20 pictures each.
DEFAULT_TOPOLOGY = Topology(())
