"""What is kept of photos, for a collection that learns them at once: by a recognizer's own pipeline, and exact."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from constants.exceptions import ImageRejected, NotReady
from constants.settings import Settings
from features.features_json import to_json
from jobs.work import stages
from jobs.work.face_answers import unusable
from preprocessor.steps import BeforeEach, unwatched
from preprocessor.version import settings_of


def features(
    images: Sequence[bytes | Path], pipeline_version: str, settings: Settings, before_each: BeforeEach = unwatched
) -> list[dict[str, Any]]:
    """The features of each photo and all its faces as JSON, or the reason why it cannot be used.

    ``before_each`` is called before each photo. Raises ``NotReady`` for a pipeline that is no longer known.
    """
    try:
        own = settings_of(pipeline_version, settings)
    except ValueError as error:
        raise NotReady("This recognizer was built with a face pipeline that is gone; build it anew.") from error
    found = stages.pipeline(own).encode(images, before_each)
    return [
        unusable(image) if isinstance(image, ImageRejected) else to_json(stages.image_features(image))
        for image in found
    ]
