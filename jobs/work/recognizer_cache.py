"""Recognizers that a worker keeps ready: finished ones, and those that stand in until a version is finished."""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import select

from constants.exceptions import BuildFailed, FacialError, NotFound, NotReady
from constants.faces import ENCODING_SIZE
from features.database import Database
from features.store import Shelf
from jobs.arrival import present_bundle
from jobs.table.builds import Serving, build_numbered
from jobs.table.found_faces import known_faces
from jobs.table.tables import builds
from jobs.workplace import Workplace
from modelization.bundle.bundle_file import HEAD_ONNX
from modelization.face_recognizer import FaceRecognizer
from modelization.gallery_recognizer import GalleryRecognizer, Threshold
from modelization.recognizer import Recognizer

#: Bytes of recognizers that a worker keeps ready; one of a hundred people is about half a megabyte.
_KEPT_RECOGNIZERS_BYTES = 64 * 1024 * 1024
#: Bytes that a gallery keeps of a person: two means in double precision.
_GALLERY_BYTES = 2 * 8 * ENCODING_SIZE


class Source(Protocol):
    """Where a recognizer comes from; what comes from there never changes."""

    def exists(self) -> bool:
        """Whether it was not deleted."""

    def load(self) -> tuple[FaceRecognizer, int]:
        """The recognizer, and how many bytes it keeps."""


@dataclass(frozen=True)
class Finished(Source):
    """A bundle's file."""

    path: Path

    def exists(self) -> bool:
        return self.path.exists()

    def load(self) -> tuple[FaceRecognizer, int]:
        recognizer = Recognizer.load(self.path)
        return recognizer, recognizer.manifest.files[HEAD_ONNX].size


@dataclass(frozen=True)
class Unfinished(Source):
    """What stands in for a version until it is ready: the faces that its build was given."""

    database: Database
    build: int

    def exists(self) -> bool:
        with self.database.read() as connection:
            return bool(connection.scalar(select(builds.c.stand_in).where(builds.c.number == self.build)))

    def load(self) -> tuple[FaceRecognizer, int]:
        with self.database.read() as connection:
            build = build_numbered(connection, self.build)
            if build is None or build.stand_in is None or build.pipeline_version is None:
                raise NotFound(_GONE)
            try:
                faces = known_faces(connection, build.number, Shelf(build.tenant, build.pipeline_version))
            except BuildFailed as failure:
                raise NotReady(str(failure)) from failure
        threshold = Threshold(build.stand_in.threshold, build.stand_in.threshold_logit)
        judged = build.stand_in.rule, threshold, build.options.target_fpir
        return GalleryRecognizer(faces, build.pipeline_version, *judged), _GALLERY_BYTES * len(faces.labels)


class RecognizerCache:
    """Recognizers kept ready, the least recently used going first once they outgrow ``max_bytes``."""

    def __init__(self, max_bytes: int = _KEPT_RECOGNIZERS_BYTES) -> None:
        self._max_bytes = max_bytes
        self._kept: OrderedDict[Source, tuple[FaceRecognizer, int]] = OrderedDict()

    def get(self, source: Source) -> FaceRecognizer:
        """The recognizer of a source. Raises ``NotFound`` where it was deleted meanwhile."""
        self.forget_deleted()  # asked every time: what was deleted must not be served from memory
        if source not in self._kept:
            try:
                self._kept[source] = source.load()
            except FacialError as error:
                if source.exists():
                    raise
                raise NotFound(_GONE) from error
        self._kept.move_to_end(source)
        while len(self._kept) > 1 and sum(size for _, size in self._kept.values()) > self._max_bytes:
            self._kept.popitem(last=False)
        return self._kept[source][0]

    def forget_deleted(self) -> None:
        """Keep nothing of recognizers that were deleted: they know people who may have been forgotten."""
        for source in [source for source in self._kept if not source.exists()]:
            del self._kept[source]


def recognizer_for(workplace: Workplace, cache: RecognizerCache, serving: Mapping[str, Any]) -> FaceRecognizer:
    """The recognizer of what ``serving`` names. Raises ``NotFound`` where that was deleted meanwhile."""
    asked = Serving(**serving)
    if asked.bundle is None:
        return cache.get(Unfinished(workplace.database, asked.build))
    return cache.get(Finished(present_bundle(workplace.storage, asked.id, asked.bundle, asked.sha256 or "")))


_GONE = "This recognizer has no such version any more."
