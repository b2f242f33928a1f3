"""What runs stages on a cluster: those that encode go there, and whatever else is asked for is done at once, here."""

import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from constants.exceptions import StageLost
from constants.reasons import Reason
from constants.settings import Settings
from features.features_json import from_json
from features.store import ImageFeatures
from jobs.work import cluster_stages, stages
from jobs.work.cluster import Cluster
from jobs.work.pulse import Step
from jobs.workplace import ImmediateExecutor
from preprocessor.steps import BeforeEach, unwatched
from preprocessor.version import pipeline_version
from preprocessor.video import VideoFrame

#: Bytes of pictures that go in one message; eight photos of a phone are two or three.
_MESSAGE = 32 << 20
#: Bytes of a file that goes at all: the scheduler holds it in memory, as does each side.
_LARGEST = 256 << 20


class ClusterExecutor(ImmediateExecutor):
    """Runs stages on a cluster, from as many threads as there are stages at a time.

    A stage that is not brought to its end raises ``StageLost``, or ``MachineFault`` where there is no cluster any more.
    """

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._sent: dict[Any, Callable[..., Any]] = {stages.encode: self._encode, stages.take_apart: self._take_apart}

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """A future that is already done."""
        return super().submit(self._sent.get(fn, fn), *args, **kwargs)

    def _encode(
        self,
        images: Sequence[bytes | Path],
        settings: Settings,
        before_each: BeforeEach = unwatched,
        every_face: bool = True,
    ) -> list[ImageFeatures | Reason]:
        chosen = pipeline_version(settings), every_face, _limit_s(before_each)
        found: list[ImageFeatures | Reason] = []
        for pictures in _messages(images):
            answer, *_ = self._cluster.run(cluster_stages.encode, *chosen, pictures, alive=before_each)
            found += [Reason(image) if isinstance(image, str) else from_json(image) for image in json.loads(answer)]
        return found

    def _take_apart(self, video: Path, before_each: BeforeEach = unwatched) -> list[VideoFrame] | Reason:
        asked = _limit_s(before_each), _read(video)
        answer, *jpegs = self._cluster.run(cluster_stages.take_apart, *asked, alive=before_each)
        said = json.loads(answer)
        if isinstance(said, str):
            return Reason(said)
        return [VideoFrame(second, jpeg, sharpness) for (second, sharpness), jpeg in zip(said, jpegs, strict=True)]


def _limit_s(before_each: BeforeEach) -> float | None:
    """Seconds that a step may take, wherever it is taken."""
    return before_each.limit_s if isinstance(before_each, Step) else None


def _messages(images: Sequence[bytes | Path]) -> Iterator[list[bytes]]:
    """Pictures' contents by so many as go in one message, in order; read when their turn comes."""
    message: list[bytes] = []
    for image in images:
        content = image if isinstance(image, bytes) else _read(image)
        if message and sum(map(len, message)) + len(content) > _MESSAGE:
            yield message
            message = []
        message.append(content)
    if message:
        yield message


def _read(path: Path) -> bytes:
    if path.stat().st_size > _LARGEST:
        raise StageLost("A file is too large to be sent.")
    return path.read_bytes()
