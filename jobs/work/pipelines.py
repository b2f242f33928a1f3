"""Which face pipeline a build's pictures go through."""

from constants.exceptions import BuildFailed
from constants.settings import Settings
from jobs.table.records import Build
from preprocessor.version import settings_of


def settings_of_build(build: Build, settings: Settings) -> Settings:
    """The settings as a build has them.

    A version made from an older one has that one's pipeline, whatever the service builds with now. Raises
    ``BuildFailed`` where that pipeline is no longer known.
    """
    if build.pipeline_version is None:
        return build.options.applied_to(settings)
    try:
        return settings_of(build.pipeline_version, settings)
    except ValueError as error:
        raise BuildFailed("This recognizer was built with a face pipeline that is gone; build it anew.") from error
