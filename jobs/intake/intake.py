"""From the files that a person sent to the uploads of a build: unpacked, labelled, looked at, refused or taken."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO

from constants.exceptions import ImageRejected, InvalidRequest, NothingUsable, RequestTooLarge
from constants.reasons import Reason
from constants.settings import Settings
from jobs.intake.archives import is_archive, members, refusing_damage
from jobs.intake.incoming import CHUNK, IncomingFile
from jobs.intake.label_manifest import Label, assign
from jobs.intake.labels import clean_label, filename_label, folder_label, same_label, unify
from jobs.machine_faults import is_machine_fault
from jobs.table.builds import Upload
from preprocessor.media_formats import is_video, opened


@dataclass(frozen=True)
class Labelling:
    """How labels are read: from file names as well, by a manifest; ``known`` are people whom the recognizer knows."""

    from_filename: bool = False
    manifest: Mapping[str, Sequence[Label]] = field(default_factory=dict)
    known: Sequence[str] = ()


class Intake:
    """What a request brings, on its way to be a build's: the folder it lies in, its limits, and its removal.

    A context manager, at whose end every file that was not moved away is deleted.
    """

    def __init__(self, settings: Settings, folder: Path) -> None:
        self._settings = settings
        self._folder = folder
        self._received: list[IncomingFile] = []

    def __enter__(self) -> "Intake":
        return self

    def __exit__(self, *_: object) -> None:
        for file in self._received:
            with suppress(OSError):  # what cannot be deleted now is at the next start; the others are
                file.close()

    def receive(self, name: str = "", label: str | None = None) -> IncomingFile:
        """An empty file, to be written."""
        return self._owned(IncomingFile(self._folder, name, label))

    def take(self, sent: Sequence[IncomingFile], labelling: Labelling) -> list[Upload]:
        """The uploads of a build, in the order sent: unpacked, labelled, looked at.

        A picture with several labels becomes as many uploads of the same content. Raises ``NothingUsable`` where no
        recognizer can come of them, with every file and its reason: one that knows people already needs a single
        picture. Raises ``InvalidRequest`` for a manifest that does not fit the files; ``RequestTooLarge`` and
        ``UnsupportedMedia`` for archives that are too large or cannot be read.
        """
        unpacked = list(self._unpacked(sent))
        named = assign(labelling.manifest, [file.name for file in unpacked])
        labelled = [
            (file if number == 0 else self._owned(file.twin()), label)
            for file, labels in zip(unpacked, named, strict=True)
            for number, label in enumerate(_labels(file, labels, labelling.from_filename))
        ]
        people = unify([*labelling.known, *(label.person if label else None for _, label in labelled)])
        uploads = [
            replace(_looked_at(file, person), box=label.box if label else None)
            for (file, label), person in zip(labelled, people[len(labelling.known) :], strict=True)
        ]
        uploads = _without_repeated(uploads)
        refuse_hopeless(uploads, labelling.known)
        return uploads

    def _owned(self, file: IncomingFile) -> IncomingFile:
        self._received.append(file)
        return file

    def _unpacked(self, sent: Iterable[IncomingFile]) -> Iterator[IncomingFile]:
        """The files, each archive replaced by what is in it."""
        count, room = 0, self._settings.max_unpacked_mb << 20
        for file in sent:
            for inner in self._contents(file, room) if is_archive(file.path) else (file,):
                count += 1
                if inner is not file:
                    room -= inner.size
                if count > self._settings.max_files:
                    raise RequestTooLarge(f"There are more than {self._settings.max_files} files; send them in parts.")
                yield inner

    def _contents(self, archive: IncomingFile, room: int) -> Iterator[IncomingFile]:
        with refusing_damage():
            for name, content in members(archive.path):
                file = self.receive(name, archive.label)
                room -= _copy(content, file, room)
                yield file


def label_in_order(files: Sequence[IncomingFile], labels: Sequence[str]) -> None:
    """Give files the labels sent beside them, one for each or none. Raises ``InvalidRequest`` for any other number."""
    if labels and len(labels) != len(files):
        raise InvalidRequest(
            f"There are {len(labels)} labels for {len(files)} files; send one 'labels' field for each file, in order."
        )
    for file, label in zip(files, labels, strict=False):
        file.label = clean_label(label)


def _labels(file: IncomingFile, named: Sequence[Label], from_filename: bool) -> Sequence[Label | None]:
    """Who is in a file: as the manifest says, or a label that was sent with it, or its name; the first that applies."""
    if named and file.label and not any(same_label(label.person, file.label) for label in named):
        raise InvalidRequest(
            f"The manifest names {file.name!r} for {named[0].person!r}, and its label is {file.label!r}."
        )
    label = file.label or folder_label(file.name) or (filename_label(file.name) if from_filename else None)
    return named or [Label(label) if label else None]


def _copy(content: IO[bytes], file: IncomingFile, room: int) -> int:
    """Copy a member, as long as there is room: what an archive says of its own sizes proves nothing."""
    while chunk := content.read(CHUNK):
        file.write(chunk)
        if file.size > room:
            raise RequestTooLarge("The archives unpack to more than this service takes; send them in parts.")
    file.seal()
    return file.size


def _looked_at(file: IncomingFile, label: str | None) -> Upload:
    upload = Upload(file.name, label, file.content_hash, file.path)
    if is_video(file.path):
        return upload  # opened by the worker that takes it apart
    try:
        opened(file.path).close()
    except ImageRejected as rejection:
        if is_machine_fault(rejection):
            raise rejection.__cause__ or rejection from None
        return _refused(upload, Reason(rejection.reason))
    return upload


def _without_repeated(uploads: Sequence[Upload]) -> list[Upload]:
    """Of the same picture for the same person one stays, and one without a label only if none has a label."""
    named = {upload.content_hash for upload in uploads if upload.label is not None}
    seen: set[tuple[str, str | None]] = set()
    kept = []
    for upload in uploads:
        key = upload.content_hash, upload.label
        repeated = key in seen or (upload.label is None and upload.content_hash in named)
        kept.append(_refused_if(upload, repeated, Reason.DUPLICATE))
        seen.add(key)
    return kept


def _refused(upload: Upload, reason: Reason) -> Upload:
    return replace(upload, path=None, reason=reason)


def _refused_if(upload: Upload, condition: bool, reason: Reason) -> Upload:
    return _refused(upload, reason) if condition and upload.reason is None else upload


def refuse_hopeless(uploads: Sequence[Upload], known: Sequence[str] = ()) -> None:
    """Raise ``NothingUsable`` where no recognizer can come of uploads, those of people ``known`` before added."""
    usable = [upload for upload in uploads if upload.reason is None]
    people = {upload.label for upload in usable}
    if usable and (known or (len(usable) >= 2 and (None in people or len(people) >= 2))):
        return
    rejected = [
        {"file": upload.name, "reason": str(upload.reason), "message": upload.reason.message}
        for upload in uploads
        if upload.reason is not None
    ]
    raise NothingUsable(_why_hopeless(uploads, usable), rejected)


def _why_hopeless(uploads: Sequence[Upload], usable: Sequence[Upload]) -> str:
    if not usable:
        return f"None of the {len(uploads)} files can be used; 'rejected' says what is wrong with each."
    if len(usable) == 1:
        return "Only one picture can be used; send pictures of at least two people."
    return (
        "All usable pictures show one person; a recognizer needs at least two. "
        "Put the pictures into a folder for each person, or send them without folders to have them sorted by face."
    )
