"""The answers, as JSON and as the interface's description has them."""

from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

from jobs.builds import BuildStatus


class Progress(BaseModel):
    """How far a build is: ``done`` of ``total`` images encoded, or epochs trained."""

    done: int
    total: int
    unit: str

    @classmethod
    def of(cls, status: BuildStatus) -> "Progress":
        return cls(done=status.done, total=status.total, unit=status.unit)


class Alive(BaseModel):
    """The web server answers."""

    status: Literal[0] = 0


class Accepted(BaseModel):
    """A build is accepted: on disk and committed."""

    status: Literal[0] = 0
    id: str


class Availability(BaseModel):
    """Whether a recognizer can be used."""

    available: Literal[0, 1]
    id: str
    state: str
    progress: Progress
    message: str

    @classmethod
    def of(cls, status: BuildStatus) -> "Availability":
        return cls(
            available=1 if status.is_ready else 0,
            id=status.id,
            state=status.state,
            progress=Progress.of(status),
            message=status.message,
        )


class Person(BaseModel):
    """Somebody whom a recognizer knows, and how many faces it learnt from."""

    label: str
    faces: int


class RecognizerAnswer(BaseModel):
    """A recognizer and its newest version."""

    id: str
    name: str
    version: int
    state: str
    progress: Progress
    message: str
    created_at: datetime
    finished_at: datetime | None
    people: list[Person] = Field(description="Empty until the recognizer is ready")
    threshold: float | None = Field(description="Least confidence with which a name is given")
    target_fpir: float | None = Field(description="Share of strangers' faces that may be named")
    metrics: dict[str, Any] = Field(description="What held-out faces showed")

    @classmethod
    def of(cls, status: BuildStatus) -> "RecognizerAnswer":
        manifest = status.manifest or {}
        return cls(
            id=status.id,
            name=status.name,
            version=status.version,
            state=status.state,
            progress=Progress.of(status),
            message=status.message,
            created_at=datetime.fromtimestamp(status.created_at, UTC),
            finished_at=datetime.fromtimestamp(status.finished_at, UTC) if status.finished_at else None,
            people=[
                Person(label=label, faces=faces)
                for label, faces in zip(manifest.get("labels", ()), manifest.get("faces_per_person", ()), strict=True)
            ],
            threshold=manifest.get("threshold"),
            target_fpir=manifest.get("target_fpir"),
            metrics=manifest.get("metrics", {}),
        )


class RecognizerList(BaseModel):
    """Every recognizer, the newest first."""

    recognizers: list[RecognizerAnswer]


class FaceInFile(BaseModel):
    """Which face of a picture, counted from 0, was taken for whom."""

    face: int
    person: str


class ImageAnswer(BaseModel):
    """What became of a file."""

    file: str
    label: str | None
    state: Literal["waiting", "encoded", "rejected"]
    faces: int | None = Field(description="Faces found in it")
    people: list[FaceInFile]
    reason: str | None = Field(description="Why it was not used")
    message: str | None


class ImageList(BaseModel):
    """Every file of a build, in the order sent."""

    id: str
    images: list[ImageAnswer]


class BoxAnswer(BaseModel):
    """Where a face is, in pixels of the picture as a person sees it."""

    x_min: int
    y_min: int
    x_max: int
    y_max: int
    probability: float


class Candidate(BaseModel):
    """Somebody whom a face might show."""

    person: str
    confidence: float


class FaceAnswer(BaseModel):
    """A face in a photo; ``person`` is null for somebody whom the recognizer does not know."""

    box: BoxAnswer
    landmarks: list[tuple[float, float]]
    person: str | None
    confidence: float
    candidates: list[Candidate]


class PhotoAnswer(BaseModel):
    """A photo and its faces, or why it cannot be used."""

    file: str
    width: int | None = None
    height: int | None = None
    faces: list[FaceAnswer]
    reason: str | None = None
    message: str | None = None


class Recognition(BaseModel):
    """The answer to a recognition."""

    id: str
    version: int
    images: list[PhotoAnswer]


class Health(BaseModel):
    """Whether the service can work."""

    status: Literal["ok", "unavailable"]
    workers: dict[str, int] | None = None


class Problem(BaseModel):
    """Problem details, RFC 9457."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    request_id: str
