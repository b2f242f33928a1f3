"""What a bundle says of itself."""

from importlib.metadata import PackageNotFoundError, version
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

from modelization.decision.evaluation import Metrics, RuleMetrics
from modelization.topology import Topology

#: Version of the bundle's format; raised when an older reader would misread a newer file. In format 1, which is still
#: read, ``head.keras`` and ``head.tflite`` are the network alone: a softmax that knows no strangers. From 2 on they are
#: the recognizer, and its threshold is 0.5 unless ``threshold_logit`` is missing.
#: In format 3, of many people, there is no network and no ``posterior``, and confidences of people who are far from a
#: face are zero; smaller ones are still of format 2.
BUNDLE_FORMAT = 3
_OLDEST_FORMAT, NETWORK_FORMAT = 1, 2
#: Bytes; a head of a hundred thousand people needs half of it.
MAX_MEMBER_BYTES = 256 * 2**20

#: The libraries whose versions a bundle records; a distribution that provides another one is recorded as that.
_LIBRARIES = {
    "tensorflow": "tensorflow",
    "tensorflow-cpu": "tensorflow",
    "keras": "keras",
    "onnx": "onnx",
    "onnxruntime": "onnxruntime",
    "numpy": "numpy",
    "dlib-bin": "dlib",
    "dlib": "dlib",
}

_Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class FileEntry(BaseModel):
    """A file of the bundle: its size in bytes and the SHA-256 of its content in hexadecimal."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    size: int = Field(ge=0, le=MAX_MEMBER_BYTES)
    sha256: str = Field(pattern="^[0-9a-f]{64}$")


class SearchSummary(BaseModel):
    """The search that a topology comes from: how far it might go, in seconds too, how far it went, and why it ended."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    generations: int = Field(ge=1)
    population: int = Field(ge=1)
    time_budget_s: float = Field(gt=0, allow_inf_nan=False)
    max_layers: int = Field(ge=1)
    seed: int
    evaluated: int = Field(ge=1)
    stopped_by: str


class Manifest(BaseModel):
    """The typed content of ``manifest.json``. Its text is the user's own: the name and the labels."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: int = Field(default=NETWORK_FORMAT, ge=_OLDEST_FORMAT, le=BUNDLE_FORMAT)
    #: What made the bundle; those of releases before 1.0.0 do not say.
    release: str | None = None
    recognizer_id: str
    version: int = Field(ge=1)
    name: str
    created_at: str
    pipeline_version: str
    labels: tuple[str, ...] = Field(min_length=1)
    faces_per_person: tuple[Annotated[int, Field(ge=1)], ...]
    images_used: int = Field(ge=0)
    images_rejected: int = Field(ge=0)
    topology: Topology
    search: SearchSummary | None = None
    #: None where no network was trained.
    epochs: int | None = Field(ge=1)
    seed: int
    target_fpir: _Share
    threshold: _Share
    #: The logit of the rule, as it was learned, at the threshold, which is one half. Where this is None, as in format
    #: 1, confidences are the rule's own and the threshold is anywhere between 0 and 1.
    threshold_logit: Annotated[float, Field(allow_inf_nan=False)] | None = None
    #: Nats of that logit by which the threshold lies above the one for 1 % of strangers; where it is not zero,
    #: confidences are bent there (``decision/confidence_curve.py``).
    strictness: Annotated[float, Field(allow_inf_nan=False)] = 0.0
    #: Nats of that logit around the threshold in which a face's first view leaves doubt, so that the others are looked
    #: at, too. Where this is None they always are.
    doubt_margin: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    rule: str
    metrics: Metrics
    rules: dict[str, RuleMetrics]
    prior: dict[str, str | int]
    libraries: dict[str, str]
    #: How far the confidences of each form of the head were at the most from those of the rule, by its file.
    head_parity: dict[str, float] | None = None
    photo_parity: dict[str, int | float] | None = None
    files: dict[str, FileEntry] = {}

    @model_validator(mode="after")
    def _one_count_a_label(self) -> "Manifest":
        if len(set(self.labels)) != len(self.labels) or len(self.faces_per_person) != len(self.labels):
            raise ValueError("labels must be unique, each with its number of faces")
        return self


def library_versions() -> dict[str, str]:
    """Installed versions of the libraries that a recognizer's numbers depend on."""
    found = {}
    for distribution, library in _LIBRARIES.items():
        try:
            found[library] = version(distribution)
        except PackageNotFoundError:
            continue
    return found
