"""From the files that a person sent to the uploads of a build: unpacked, labelled, looked at, refused or taken."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from constants.exceptions import ImageRejected, InvalidRequest, NothingUsable, RequestTooLarge
from constants.reasons import Reason
from constants.settings import Settings
from jobs.archives import is_archive, members, refusing_damage
from jobs.builds import Upload
from jobs.incoming import IncomingFile
from jobs.labels import clean_label, clean_name, filename_label, folder_label, unify
from preprocessor.formats import opened

#: Bytes copied at a time.
_CHUNK = 1 << 20


@dataclass(frozen=True)
class SentFile:
    """A file as it was sent, and the label that was sent with it, which an archive passes on to its members."""

    name: str
    file: IncomingFile
    label: str | None = None


def with_labels(files: Sequence[tuple[str, IncomingFile]], labels: Sequence[str]) -> list[SentFile]:
    """Files with the labels sent beside them, one for each or none. Raises ``InvalidRequest`` for any other number."""
    if labels and len(labels) != len(files):
        raise InvalidRequest(
            f"There are {len(labels)} labels for {len(files)} files; send one 'labels' field for each file, in order."
        )
    return [
        SentFile(clean_name(name), file, clean_label(label))
        for (name, file), label in zip(files, labels or [""] * len(files), strict=True)
    ]


def take_in(
    sent: Sequence[SentFile], settings: Settings, incoming: Path, stack: ExitStack, label_from_filename: bool = False
) -> list[Upload]:
    """The uploads of a build, in the order sent; files made on the way are deleted when ``stack`` closes.

    Raises ``NothingUsable`` where no recognizer can come of them, with every file and its reason;
    ``RequestTooLarge`` and ``UnsupportedMedia`` for archives that are too large or cannot be read.
    """
    unpacked = list(_unpacked(sent, settings, incoming, stack))
    labels = unify([file.label or _label_in_name(file.name, label_from_filename) for file in unpacked])
    uploads = [_looked_at(file, label) for file, label in zip(unpacked, labels, strict=True)]
    uploads = _without_repeated(uploads)
    if any(upload.label for upload in uploads):
        uploads = [_refused_if(upload, upload.label is None, Reason.NO_LABEL) for upload in uploads]
    _refuse_hopeless(uploads)
    return uploads


def _label_in_name(name: str, from_filename: bool) -> str | None:
    return folder_label(name) or (filename_label(name) if from_filename else None)


def _unpacked(sent: Iterable[SentFile], settings: Settings, incoming: Path, stack: ExitStack) -> Iterator[SentFile]:
    """The files, each archive replaced by what is in it."""
    count, room = 0, settings.max_unpacked_mb << 20
    for file in sent:
        for inner in _contents(file, incoming, stack, room) if is_archive(file.file.path) else (file,):
            count += 1
            if inner is not file:
                room -= inner.file.size
            if count > settings.max_files:
                raise RequestTooLarge(f"There are more than {settings.max_files} files; send them in parts.")
            yield inner


def _contents(archive: SentFile, incoming: Path, stack: ExitStack, room: int) -> Iterator[SentFile]:
    with refusing_damage():
        for name, content in members(archive.file.path):
            file = IncomingFile(incoming)
            stack.callback(file.close)
            room -= _copy(content, file, room)
            yield SentFile(name, file, archive.label)


def _copy(content: IO[bytes], file: IncomingFile, room: int) -> int:
    """Copy a member, as long as there is room: what an archive says of its own sizes proves nothing."""
    while chunk := content.read(_CHUNK):
        file.write(chunk)
        if file.size > room:
            raise RequestTooLarge("The archives unpack to more than this service takes; send them in parts.")
    file.seal()
    return file.size


def _looked_at(sent: SentFile, label: str | None) -> Upload:
    upload = Upload(sent.name, label, sent.file.content_hash, sent.file.path)
    try:
        opened(sent.file.path).close()
    except ImageRejected as rejection:
        return _refused(upload, Reason(rejection.reason))
    return upload


def _without_repeated(uploads: Sequence[Upload]) -> list[Upload]:
    """One of the same picture for the same person stays; the same picture for different people says nothing."""
    labels: dict[str, set[str | None]] = {}
    for upload in uploads:
        labels.setdefault(upload.content_hash, set()).add(upload.label)
    seen: set[str] = set()
    kept = []
    for upload in uploads:
        several = len(labels[upload.content_hash] - {None}) > 1
        kept.append(
            _refused_if(
                _refused_if(upload, several, Reason.SEVERAL_LABELS), upload.content_hash in seen, Reason.DUPLICATE
            )
        )
        seen.add(upload.content_hash)
    return kept


def _refused(upload: Upload, reason: Reason) -> Upload:
    return Upload(upload.name, upload.label, upload.content_hash, None, reason)


def _refused_if(upload: Upload, condition: bool, reason: Reason) -> Upload:
    return _refused(upload, reason) if condition and upload.reason is None else upload


def _refuse_hopeless(uploads: Sequence[Upload]) -> None:
    usable = [upload for upload in uploads if upload.reason is None]
    people = {upload.label for upload in usable}
    if len(usable) >= 2 and (None in people or len(people) >= 2):
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
