"""The version of the face pipeline, kept with every encoding and in every recognizer."""

import re
from typing import get_args

from constants.detectors import DetectorName
from constants.settings import Settings

#: Raised whenever the same picture would give other encodings than before, for any reason that
#: the rest of the version does not name.
REVISION = 1

_FORM = re.compile(rf"{REVISION}\.({'|'.join(get_args(DetectorName))})\.landmarks5\.resnet\.views(1|2|6)")


def pipeline_version(settings: Settings) -> str:
    """What the encodings depend on; encodings of different versions are never compared.

    Which library runs a network is not part of it: the numbers are the same.
    """
    return f"{REVISION}.{settings.detector}.landmarks5.resnet.views{settings.views}"


def settings_of(version: str, settings: Settings) -> Settings:
    """The settings changed so that their pipeline is of this version. Raises ``ValueError`` for one that is gone."""
    found = _FORM.fullmatch(version)
    if found is None:
        raise ValueError(f"no pipeline of the version {version} is known")
    return settings.model_copy(update={"detector": found[1], "views": int(found[2])})
