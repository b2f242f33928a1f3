"""From the files that a person sent to the uploads of a build: unpacked, labelled, looked at, refused or taken."""

import shutil
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from pathlib import Path

from constants.exceptions import InvalidRequest, NotFound, NothingUsable, RequestTooLarge
from constants.reasons import Reason
from constants.settings import Settings
from jobs.files.held_folder import held_folder
from jobs.files.linking import link_or_copy
from jobs.intake.archives import is_archive
from jobs.intake.folder_labels import folder_labels
from jobs.intake.incoming import IncomingFile
from jobs.intake.label_manifest import Label, assign
from jobs.intake.labels import clean_label, clean_name, filename_label, same_label, unify
from jobs.intake.sorter import Found, SortingJob
from jobs.intake.sorting import sort_out
from jobs.table.builds import Upload
from preprocessor.media_formats import is_plainly_usable

#: Bytes that are copied at a time.
_COPIED = 1 << 20


@dataclass(frozen=True)
class Labelling:
    """How labels are read: from file names as well, by a manifest; ``known`` are people whom the recognizer knows."""

    from_filename: bool = False
    manifest: Mapping[str, Sequence[Label]] = field(default_factory=dict)
    known: Sequence[str] = ()


class Intake:
    """What a request brings, on its way to be a build's: the folder it lies in, its limits, and its removal.

    A context manager, at whose end every file that was not moved away is deleted; if its process ends, by a sweep.
    """

    def __init__(self, settings: Settings, folder: Path) -> None:
        self._settings = settings
        self._parent = folder
        self._held = ExitStack()

    def __enter__(self) -> "Intake":
        self._folder = self._held.enter_context(held_folder(self._parent))
        return self

    def __exit__(self, *_: object) -> None:
        self._held.close()

    def receive(self, name: str = "", label: str | None = None) -> IncomingFile:
        """An empty file, to be written. Raises ``InvalidRequest`` for a name that is none."""
        return self._held.enter_context(closing(IncomingFile(self._folder, clean_name(name), label)))

    def copy(self, name: str, path: Path) -> IncomingFile:
        """A file that arrived in another way. Raises ``NotFound`` where it was deleted meanwhile."""
        file = self.receive(name)
        try:
            with path.open("rb") as source:
                shutil.copyfileobj(source, file, _COPIED)
        except FileNotFoundError as error:
            raise NotFound("The upload was deleted meanwhile; send it again.") from error
        file.seal()
        return file

    def take(self, sent: Sequence[IncomingFile], labelling: Labelling) -> list[Upload]:
        """The uploads of a build, in the order sent: unpacked, labelled, looked at.

        A picture with several labels becomes as many uploads of the same content. Raises ``NothingUsable`` where no
        recognizer can come of them, with every file and its reason: one that knows people already needs a single
        picture. Raises ``InvalidRequest`` for a manifest that does not fit the files; ``RequestTooLarge`` and
        ``UnsupportedMedia`` for archives that are too large or cannot be read.
        """
        opened = list(self._opened(sent))
        named = assign(labelling.manifest, [upload.name for upload in opened])
        by_folder = folder_labels([upload.name for upload in opened], labelling.known)
        files = zip(opened, named, by_folder, strict=True)
        who = [_labels(upload, own, folder, labelling.from_filename) for upload, own, folder in files]
        if sum(map(len, who)) > self._settings.max_files:
            raise RequestTooLarge(f"There are more than {self._settings.max_files} files; send them in parts.")
        labelled = [
            (upload if number == 0 else self._twin(upload), label)
            for upload, labels in zip(opened, who, strict=True)
            for number, label in enumerate(labels)
        ]
        people = unify([*labelling.known, *(label.person if label else None for _, label in labelled)])
        uploads = [
            replace(upload, label=person, box=label.box if label else None)
            for (upload, label), person in zip(labelled, people[len(labelling.known) :], strict=True)
        ]
        uploads = _without_repeated(uploads)
        refuse_hopeless(uploads, labelling.known)
        return uploads

    def _opened(self, sent: Sequence[IncomingFile]) -> Iterator[Upload]:
        """The files, each archive replaced by what is in it, and those that cannot be used with the reason."""
        uploads = [Upload(file.name, file.label, file.content_hash, file.path) for file in sent]
        unclear = [place for place, file in enumerate(sent) if not is_plainly_usable(file.path)]
        archives = [is_archive(sent[place].path) for place in unclear]
        found: dict[int, list[Upload]] = {place: [] for place in unclear}
        most = self._settings.max_files
        for count, one in enumerate(self._sorted([str(sent[place].path) for place in unclear], archives), 1):
            if len(uploads) + count > most + len(unclear):
                raise RequestTooLarge(f"There are more than {most} files; send them in parts.")
            upload = uploads[unclear[one.place]]
            if one.path:
                upload = Upload(one.name, upload.label, one.content_hash, Path(one.path))
            found[unclear[one.place]].append(_refused(upload, one.reason) if one.reason else upload)
        for place, upload in enumerate(uploads):
            yield from found.get(place, (upload,))

    def _sorted(self, paths: Sequence[str], archives: Sequence[bool]) -> Iterator[Found]:
        if not paths:
            return iter(())
        settings = self._settings
        job = SortingJob(paths, str(self._folder), settings.max_files, settings.max_unpacked_mb << 20)
        return sort_out(job, archives)

    def _twin(self, upload: Upload) -> Upload:
        """The same picture once more, under a path of its own: it is taken for two people."""
        if upload.path is None:
            return upload
        path = self._folder / uuid.uuid4().hex
        link_or_copy(upload.path, path)
        return replace(upload, path=path)


def label_in_order(files: Sequence[IncomingFile], labels: Sequence[str]) -> None:
    """Give files the labels sent beside them, one for each or none. Raises ``InvalidRequest`` for any other number."""
    if labels and len(labels) != len(files):
        raise InvalidRequest(
            f"There are {len(labels)} labels for {len(files)} files; send one 'labels' field for each file, in order."
        )
    for file, label in zip(files, labels, strict=False):
        file.label = clean_label(label)


def _labels(file: Upload, named: Sequence[Label], folder: str | None, from_filename: bool) -> Sequence[Label | None]:
    """Who is in a file: as the manifest says, a label sent with it, its folder, or its name; the first that applies."""
    if named and file.label and not any(same_label(label.person, file.label) for label in named):
        raise InvalidRequest(
            f"The manifest names {file.name!r} for {named[0].person!r}, and its label is {file.label!r}."
        )
    label = file.label or folder or (filename_label(file.name) if from_filename else None)
    return named or [Label(label) if label else None]


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
    # Of one picture nobody can tell whose face is meant, nor that it is somebody's.
    if usable and (known or len(usable) > 1 or usable[0].label is not None):
        return
    rejected = [
        {"file": upload.name, "reason": str(upload.reason), "message": upload.reason.message}
        for upload in uploads
        if upload.reason is not None
    ]
    raise NothingUsable(_why_hopeless(uploads, usable), rejected)


def _why_hopeless(uploads: Sequence[Upload], usable: Sequence[Upload]) -> str:
    if not uploads:
        return "There is no file in what was sent; send pictures, or an archive that holds some."
    if not usable:
        return f"None of the {len(uploads)} files can be used; 'rejected' says what is wrong with each."
    return (
        "Only one picture can be used, and it has no label; send it in a folder of the person's name, or more of them."
    )
