"""What a request may choose about its build."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from constants.detectors import DetectorName
from constants.settings import Settings
from modelization.search.search_options import (
    SEARCH_GENERATIONS,
    SEARCH_LAYERS,
    SEARCH_POPULATION,
    SEARCH_TIME_BUDGET_S,
    Generations,
    MaxLayers,
    Population,
    SearchOptions,
    Seed,
    TimeBudget,
)

#: Seconds; ten years, beyond which a slip of the pen is likelier than a wish.
_MAX_TTL_S = 10 * 366 * 86_400


class BuildOptions(BaseModel):
    """The options of a build; each is a form field of the request."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field("", max_length=200, description="What the recognizer is called")
    target_fpir: float = Field(
        0.01, ge=0.0001, le=0.5, description="Share of strangers' faces that may be given a name"
    )
    keep_images: bool = Field(False, description="Keep the pictures after they are encoded")
    keep_thumbnails: Literal["off", "hour", "recognizer"] = Field(
        "off",
        description="Keep a small picture of each face, for people to look at: for an hour after the build has ended, "
        "or as long as the recognizer",
    )
    ttl_s: int | None = Field(
        None,
        ge=1,
        le=_MAX_TTL_S,
        description="Seconds after which the recognizer erases itself; the service's setting where it is left out",
    )
    detector: DetectorName | None = Field(
        None, description="How faces are found; the service's setting where it is left out"
    )
    use_other_faces: bool = Field(
        False, description="Let the other faces of labelled pictures, too, join the people whom they resemble"
    )
    exclude_suspects: bool = Field(False, description="Leave out faces whose labels are probably wrong")
    dry_run: bool = Field(False, description="Examine the pictures only, train nothing, and keep no encoding")
    seed: Seed = 0

    optimize: bool = Field(False, description="Search for the network with the fewest layers that loses no accuracy")
    generations: Generations = SEARCH_GENERATIONS
    population: Population = SEARCH_POPULATION
    time_budget_s: TimeBudget = SEARCH_TIME_BUDGET_S
    max_layers: MaxLayers = SEARCH_LAYERS

    @property
    def has_thumbnails(self) -> bool:
        """Whether small pictures of faces are kept at all."""
        return self.keep_thumbnails != "off" and not self.dry_run

    def search_options(self) -> SearchOptions | None:
        """How far to search for a topology; ``None`` where it is not asked for."""
        if not self.optimize:
            return None
        return SearchOptions(self.generations, self.population, self.time_budget_s, self.max_layers, self.seed)

    def applied_to(self, settings: Settings) -> Settings:
        """The settings as this build has them."""
        return settings.model_copy(update={"detector": self.detector}) if self.detector else settings
