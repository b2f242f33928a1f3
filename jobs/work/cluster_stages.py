"""The stages as a cluster's workers run them: plain values in, a JSON header and raw buffers out.

The scheduler loads this file, too, and needs no library that finds faces: these are imported where they are used.
"""

import faulthandler
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from constants.reasons import Reason
from constants.release import VERSION
from constants.settings import load_settings
from preprocessor.version import REVISION, settings_of


def versions() -> bytes:
    """What both sides must have alike, as JSON."""
    return _written({"release": VERSION, "pipeline": REVISION})


def encode(
    release: str, pipeline_version: str, every_face: bool, limit_s: float | None, pictures: list[bytes]
) -> list[bytes]:
    """The features of each picture, or the reason why it cannot be used, as one JSON list.

    A picture may take ``limit_s`` seconds; beyond it this process ends, as a worker of the service is ended.
    """

    def work() -> list[bytes]:
        from features.features_json import to_json
        from jobs.work import stages

        settings = settings_of(pipeline_version, load_settings())
        found = stages.encode(pictures, settings, _limit(limit_s), every_face)
        return [_written([str(image) if isinstance(image, Reason) else to_json(image) for image in found])]

    return _answer(release, work)


def take_apart(release: str, limit_s: float | None, video: bytes) -> list[bytes]:
    """A video's frames: a JSON list of their seconds and sharpness, then their JPEGs; or a reason as JSON."""

    def work() -> list[bytes]:
        from jobs.work import stages

        # OpenCV wants a path; no picture of anybody is written to this machine's disk for that.
        file = os.memfd_create("video")
        try:
            with open(file, "wb", closefd=False) as memory:  # a descriptor has no path
                memory.write(video)
            frames = stages.take_apart(Path(f"/proc/self/fd/{file}"), _limit(limit_s))
        finally:
            os.close(file)
        if isinstance(frames, Reason):
            return [_written(str(frames))]
        said = [(frame.second, frame.sharpness) for frame in frames]
        return [_written(said), *(frame.jpeg for frame in frames)]

    return _answer(release, work)


def _answer(release: str, work: Callable[[], list[bytes]]) -> list[bytes]:
    """What came of the work behind a header that names an error, or none.

    Nothing is raised: Dask would write the arguments, which are pictures, to its log.
    """
    if release != VERSION:
        return [_written({"error": "OtherRelease"})]
    try:
        return [_written({}), *work()]
    except Exception as error:
        return [_written({"error": type(error).__name__})]
    finally:
        faulthandler.cancel_dump_traceback_later()


def _limit(limit_s: float | None) -> Callable[[], None]:
    """Called before each step: lets this process end where the step takes longer, even in a library that hangs."""

    def begin() -> None:
        if limit_s is not None:
            faulthandler.dump_traceback_later(limit_s, exit=True)

    return begin


def _written(value: Any) -> bytes:
    return json.dumps(value, allow_nan=False).encode()
