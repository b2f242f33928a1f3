"""Which face pipeline a build's pictures go through."""

from typing import Any

from sqlalchemy import Row

from constants.exceptions import BuildFailed
from constants.settings import Settings
from jobs.table.build_options import BuildOptions
from preprocessor.version import settings_of


def settings_of_build(row: Row[Any], settings: Settings) -> Settings:
    """The settings as a build has them, from a row with its ``options`` and ``pipeline_version``.

    A version made from an older one has that one's pipeline, whatever the service builds with now. Raises
    ``BuildFailed`` where that pipeline is no longer known.
    """
    if row.pipeline_version is None:
        return BuildOptions(**row.options).applied_to(settings)
    try:
        return settings_of(row.pipeline_version, settings)
    except ValueError as error:
        raise BuildFailed("This recognizer was built with a face pipeline that is gone; build it anew.") from error
