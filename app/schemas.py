"""The answers, as JSON and as the interface's description has them."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictInt, WithJsonSchema

from jobs.intake.labels import MAX_LABEL
from jobs.intake.pieced_uploads import PiecedUpload
from jobs.table.builds import BuildStatus
from jobs.versions.erasures import Erasure
from modelization.decision.evaluation import Metrics

#: What a list says of itself, of which an answer may have a part.
_TOTAL = "How many there are that were asked for, on this page and others"


#: What is said of an answer's ``first_of_several``.
_FIRST = "Whether it has other pictures, such as an animation's frames, that were not looked at"
#: The same where it is there only if so.
_FirstOfSeveral = Annotated[bool, Field(exclude_if=lambda value: not value, description=f"{_FIRST}; left out if not")]


class _OfRecord(BaseModel):
    """An answer that is read from a record's attributes."""

    model_config = ConfigDict(from_attributes=True, populate_by_name=True)


#: An error as it is shown.
_Error = Annotated[float, AfterValidator(lambda error: round(error, 6))]


class FrontPointAnswer(_OfRecord):
    """The least error on faces held out with so many hidden layers, where no fewer have one as low."""

    layers: int
    error: _Error


class SearchAnswer(_OfRecord):
    """How far the search for a topology is; the best so far has the least error on faces held out."""

    generation: int
    generations: int
    best_error: _Error | None = Field(description="Null in the first generation")
    layers: int | None = Field(description="Hidden layers of the best; null in the first generation")
    evaluated: int = Field(description="Topologies judged so far")
    time_left_s: Annotated[float, AfterValidator(lambda seconds: round(seconds, 1))]
    front: list[FrontPointAnswer] = Field(description="What there is to choose from, the fewest layers first")


class Progress(BaseModel):
    """How far a build is: ``done`` of ``total`` images encoded, generations searched, or epochs trained."""

    done: int
    total: int
    unit: str
    search: SearchAnswer | None = Field(
        None, exclude_if=lambda value: value is None, description="Only while a topology is searched"
    )

    @classmethod
    def of(cls, status: BuildStatus) -> "Progress":
        return cls.model_validate(
            {
                "done": status.done,
                "total": status.total,
                "unit": status.unit,
                "search": status.search,
            }
        )


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
    version: int
    state: str
    progress: Progress
    message: str
    making: int | None = Field(
        None, exclude_if=lambda value: value is None, description="A newer version that is being made, while one is"
    )

    @classmethod
    def of(cls, status: BuildStatus) -> "Availability":
        return cls(
            version=status.version,
            making=status.making,
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


class VersionAnswer(BaseModel):
    """One of a recognizer's versions."""

    version: int
    state: str
    created_at: datetime


class UploadAnswer(BaseModel):
    """An upload in pieces, and how far it is."""

    id: str = Field(description="What names it as `upload` in the form of a build")
    name: str
    length: int = Field(description="Bytes of the whole file")
    offset: int = Field(description="Bytes that have arrived")
    expires_at: datetime = Field(description="When it is deleted")

    @classmethod
    def of(cls, upload: PiecedUpload) -> dict[str, Any]:
        expires_at = datetime.fromtimestamp(upload.expires_at, UTC)
        made = cls(id=upload.id, name=upload.name, length=upload.length, offset=upload.offset, expires_at=expires_at)
        return made.model_dump(mode="json")


class RecognizerAnswer(BaseModel):
    """A recognizer and one of its versions; the latest is the newest that is ready."""

    id: str
    name: str
    version: int
    state: str
    progress: Progress
    message: str
    created_at: datetime
    finished_at: datetime | None
    expires_at: datetime | None = Field(description="When it erases itself; null where it does not")
    people: list[Person] = Field(description="Empty until the recognizer is ready")
    threshold: float | None = Field(description="Least confidence with which a name is given")
    target_fpir: float | None = Field(description="Share of strangers' faces that may be named")
    metrics: dict[str, Any] = Field(description="What held-out faces showed")
    versions: list[VersionAnswer] = Field(description="All that there are, the oldest first")

    @classmethod
    def of(cls, status: BuildStatus) -> "RecognizerAnswer":
        manifest = status.manifest
        return cls(
            id=status.id,
            name=status.name,
            version=status.version,
            state=status.state,
            progress=Progress.of(status),
            message=status.message,
            created_at=datetime.fromtimestamp(status.created_at, UTC),
            finished_at=datetime.fromtimestamp(status.finished_at, UTC) if status.finished_at else None,
            expires_at=datetime.fromtimestamp(status.expires_at, UTC) if status.expires_at else None,
            people=[
                Person(label=label, faces=faces)
                for label, faces in (zip(manifest.labels, manifest.faces_per_person, strict=True) if manifest else ())
            ],
            threshold=manifest.threshold if manifest else None,
            target_fpir=manifest.target_fpir if manifest else None,
            metrics=manifest.model_dump(mode="json", include={"metrics"})["metrics"] if manifest else {},
            versions=[
                VersionAnswer(
                    version=version.version,
                    state=version.state,
                    created_at=datetime.fromtimestamp(version.created_at, UTC),
                )
                for version in status.versions
            ],
        )


class AcceptedRecognizer(RecognizerAnswer):
    """A recognizer of which a version is being made from files that were sent."""

    labels: str = Field(description="Where the files' labels were found, or what to do where there are none")

    @classmethod
    def with_labels(cls, status: BuildStatus, labels: str) -> "AcceptedRecognizer":
        return cls(**RecognizerAnswer.of(status).model_dump(), labels=labels)


class RecognizerList(BaseModel):
    """Every recognizer, the newest first."""

    recognizers: list[RecognizerAnswer]
    total: int = Field(description=_TOTAL)


class FileAnswer(_OfRecord):
    """A file of a version; its number stays the same in later versions."""

    number: int
    file: str


class SidesAnswer(_OfRecord):
    """Where a face is, in pixels of the picture as a person sees it."""

    x_min: int
    y_min: int
    x_max: int
    y_max: int


class QualityAnswer(_OfRecord):
    """How well a face can be seen: sharpness 0 to 1, brightness 0 to 255, angles in degrees."""

    sharpness: float
    brightness: float
    yaw: float
    pitch: float


class FaceInFile(_OfRecord):
    """A face of a picture, counted from 0, and what was found about it."""

    face: int
    box: SidesAnswer
    quality: QualityAnswer | None
    person: str | None = Field(description="Whom it stands for; null if nothing was learnt from it for this file")
    choice: Literal["label", "box", "resemblance", "correction"] | None = Field(
        description="How it was chosen: by the file's label, by a box, as it resembles the person, or by a correction"
    )
    wrong: Annotated[float, AfterValidator(lambda share: round(share, 4))] | None = Field(
        description="Probability that it is not its label's"
    )
    suspect: bool = Field(description="Whether its label is probably wrong")
    resembles: str | None = Field(description="Who else it looks like")
    near_duplicates: list[FileAnswer] = Field(description="Files that show the same moment")


class ImageAnswer(FileAnswer):
    """What became of a file."""

    label: str | None
    state: Literal["waiting", "encoded", "rejected"]
    faces: list[FaceInFile] = Field(description="Empty until the build has ended")
    reason: str | None = Field(description="Why it was not used")
    message: str | None
    duplicate_of: str | None = Field(description="The file that has the same content")
    first_of_several: bool = Field(description=_FIRST)


class ImageList(_OfRecord):
    """Every file of a version, in the order sent."""

    id: str
    images: list[ImageAnswer]
    total: int = Field(description=_TOTAL)


class FaceOfFile(FileAnswer):
    """A face, counted from 0, of a file."""

    face: int


class PersonAnswer(_OfRecord):
    """Somebody whom a version was made of, and what was found about the faces."""

    label: str
    faces: int
    suspects: int = Field(description="Faces whose label is probably wrong")
    has_few: bool = Field(description="Whether more pictures would make the person much easier to recognize")
    typical: FaceOfFile = Field(description="The most typical face")
    looks_like: list[str] = Field(description="Labels that probably name the same person")


class PersonList(_OfRecord):
    """Every person of a version; empty until the build has ended."""

    id: str
    people: list[PersonAnswer]
    total: int = Field(description=_TOTAL)


#: A label: some character that is neither a space nor a control character, and of the latter only what is a space, too.
_CONTROL = r"\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f"
_LABEL = {"type": "string", "pattern": rf"^[^{_CONTROL}]*[^\s{_CONTROL}][^{_CONTROL}]*$", "maxLength": MAX_LABEL}


#: Faces, each by the number or name of its file and by its index there.
_Faces = Annotated[
    list[tuple[StrictInt | str, StrictInt]],
    Field(min_length=1, description="Each the number or name of a file, and the index of a face in it"),
]


class PersonChange(BaseModel):
    """The new label of a person or, with ``faces``, of some of the person's faces: somebody else's joins the two."""

    model_config = ConfigDict(extra="forbid")

    label: Annotated[str, WithJsonSchema(_LABEL)]
    faces: _Faces | None = None


class CorrectionSent(BaseModel):
    """What a person or, with ``faces``, some of the person's faces are to be called."""

    model_config = ConfigDict(extra="forbid")

    person: str
    label: Annotated[str, WithJsonSchema(_LABEL)] | None = Field(
        description="Somebody else's joins the two; null leaves the person, or the faces, out"
    )
    faces: _Faces | None = None


class Corrections(BaseModel):
    """Corrections of the latest version, made in one new one."""

    model_config = ConfigDict(extra="forbid")

    corrections: list[CorrectionSent] = Field(min_length=1)


class KeptFile(BaseModel):
    """A file whose faces stay, because other recognizers were sent it, too: forget the person there as well."""

    file: str
    recognizers: list[str] = Field(description="Their ids")


class ReceiptAnswer(BaseModel):
    """What was erased of a person."""

    id: str
    label: str
    version: int = Field(description="The version that is being made without the person")
    versions: list[int] = Field(description="Versions that were built with the person, and are erased")
    files: list[str] = Field(description="Files of which faces were erased")
    faces: int = Field(description="Faces erased, with those that nobody was taken for and that may be the person's")
    kept: list[str] = Field(description="Files whose faces stay, because another recognizer was sent them too")
    kept_for: list[KeptFile] = Field(description="Which recognizers those are, for each of the files")
    erasure: Literal["pending", "done"] = Field(description="Pending while something may still be on the disk")
    erased_at: datetime | None = Field(description="When nothing was left; null until then")


class ErasureAnswer(BaseModel):
    """Something that was deleted, and whether something of it may still be on the disk."""

    version: int | None = Field(description="Null where it is the whole recognizer")
    only_pictures: bool = Field(description="Whether the version stays, without the pictures that it kept")
    erasure: Literal["pending", "done"]
    requested_at: datetime
    erased_at: datetime | None = Field(description="When nothing was left; null until then")

    @classmethod
    def of(cls, erasure: Erasure) -> "ErasureAnswer":
        return cls(
            version=erasure.version,
            only_pictures=erasure.only_pictures,
            erasure=erasure.state.value,
            requested_at=datetime.fromtimestamp(erasure.requested_at, UTC),
            erased_at=datetime.fromtimestamp(erasure.done_at, UTC) if erasure.done_at else None,
        )


class ErasureList(BaseModel):
    """What was deleted of a recognizer, the oldest first."""

    id: str
    erasures: list[ErasureAnswer]


class VersionFigures(_OfRecord):
    """How a version does."""

    version: int
    people: int
    faces: int
    threshold: float
    target_fpir: float
    metrics: Metrics


class Renamed(_OfRecord):
    """A label whose faces have another one now."""

    before: str = Field(alias="from")
    after: str = Field(alias="to")


class FacesChanged(_OfRecord):
    """How many faces somebody was learnt from."""

    label: str
    before: int = Field(alias="from")
    after: int = Field(alias="to")


class PeopleChanges(_OfRecord):
    """Who came, went, or was renamed, and whose faces are more or fewer."""

    added: list[str]
    removed: list[str]
    renamed: list[Renamed]
    faces: list[FacesChanged]


class Comparison(_OfRecord):
    """What changed between two versions."""

    id: str
    before: VersionFigures = Field(alias="from")
    after: VersionFigures = Field(alias="to")
    people: PeopleChanges


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
    """A face in a photo; ``person`` is null for somebody whom the recognizer does not know or cannot judge."""

    box: BoxAnswer
    landmarks: list[tuple[float, float]]
    person: str | None
    confidence: float | None = Field(description="Null for a face that cannot be judged")
    candidates: list[Candidate] = Field(description="Empty for a face that cannot be judged")
    reason: str | None = Field(description="Why it is not named")
    message: str | None


class PhotoAnswer(BaseModel):
    """A photo and its faces, or why it cannot be used."""

    file: str
    width: int | None = None
    height: int | None = None
    first_of_several: _FirstOfSeveral = False
    threshold: float | None = Field(default=None, description="Least confidence with which a face is named")
    faces: list[FaceAnswer]
    reason: str | None = None
    message: str | None = None


class Recognition(BaseModel):
    """The answer to a recognition."""

    id: str
    version: int
    images: list[PhotoAnswer]


class FoundFace(BaseModel):
    """A face in a photo."""

    box: BoxAnswer
    landmarks: list[tuple[float, float]]


class Verification(BaseModel):
    """Whether the largest faces of two photos are of one person."""

    same_person: bool
    confidence: float = Field(description="Probability that they are, were it as likely as not before one looked")
    faces: list[FoundFace] = Field(description="The two faces, in the order of the photos")
    first_of_several: _FirstOfSeveral = False


class EncodedFaceAnswer(FoundFace):
    """A face with the 128 numbers that dlib's network makes of it, the mean of its views."""

    encoding: list[float]


class EncodedPhoto(BaseModel):
    """A photo and its faces, or why it cannot be used."""

    file: str
    width: int | None = None
    height: int | None = None
    first_of_several: _FirstOfSeveral = False
    faces: list[EncodedFaceAnswer]
    reason: str | None = None
    message: str | None = None


class Encodings(BaseModel):
    """The faces of photos with their encodings, comparable with others of the same pipeline alone."""

    pipeline_version: str
    images: list[EncodedPhoto]


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
    erasure: Literal["pending", "done"] | None = Field(
        None, description="Only of what was deleted: pending while something may still be on the disk"
    )
    requested_at: datetime | None = None
    erased_at: datetime | None = Field(None, description="When nothing was left")


class Cause(BaseModel):
    """Why a request was refused; files that cannot be used are in ``rejected`` beside these."""

    code: str
    message: str
    request_id: str


class Refusal(BaseModel):
    """A refusal on the short routes."""

    status: Literal[1] = 1
    error: Cause
