"""Settings of the service: typed, from environment variables that start with ``FACIAL_``."""

import os
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError, computed_field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from constants import addresses
from constants.detectors import DetectorName
from constants.exceptions import InvalidSettings
from constants.validation import no_such, sentences

#: What the variables of settings start with, and those that only tests read.
_PREFIX, _OF_TESTS = "FACIAL_", "FACIAL_TEST_"
#: The database's file in the data folder.
DATABASE_FILE = "facial.sqlite"

#: A setting that is a list, written with commas.
_Listed = Annotated[tuple[str, ...], NoDecode]


class Settings(BaseSettings):
    """Every setting, its default and its meaning; the README's table lists the same."""

    model_config = SettingsConfigDict(env_prefix=_PREFIX, frozen=True, extra="ignore")

    host: str = Field("127.0.0.1", description="Address that the web server listens on")
    port: int = Field(8080, ge=1, le=65535, description="Port that the web server listens on")
    hosts: _Listed = Field((), description="Names besides localhost by which it is asked, separated by commas")
    cors_origins: _Listed = Field((), description="Origins whose pages may use the service, separated by commas")
    trusted_proxies: int = Field(
        0, ge=0, le=16, description="Proxies in a row before it, whose X-Forwarded- headers are believed"
    )
    data_dir: Path = Field(Path("data"), description="Folder of the database, staged pictures and finished bundles")
    database_url: str = Field("", description="SQLAlchemy URL; empty means SQLite in the data folder")
    cluster: str = Field("", description="Address of a Dask scheduler, tcp:// or tls://, whose workers encode as well")
    storage_url: str = Field(
        "", description="URL of what several nodes keep files in; empty means the data folder alone"
    )
    encode_workers: int = Field(
        default_factory=lambda: os.cpu_count() or 1, ge=1, le=256, description="Processes that find and encode faces"
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="Least severe message logged")
    log_format: Literal["text", "json"] = Field("text", description="A line of the log: for people, or for programs")
    detector: DetectorName = Field(
        "every", description="How faces are found: all of them, or by HOG (80 pixels, then 40), MMOD, or each in turn"
    )
    encoder: Literal["onnx", "dlib"] = Field("onnx", description="What runs dlib's encoder: ONNX Runtime, or dlib")
    views: Literal[1, 2, 6] = Field(
        2, description="Views of a face that its encoding averages: itself, its mirror image, both turned"
    )
    max_request_mb: int = Field(1024, ge=1, description="Largest request body, in MiB")
    max_files: int = Field(20_000, ge=1, description="Most pictures in one request, those in archives included")
    max_unpacked_mb: int = Field(4096, ge=1, description="Most MiB that the archives of a request may unpack to")
    max_builds_per_day: int = Field(0, ge=0, description="Most builds of a key in a day of UTC; 0 is for any number")
    max_recognitions_per_minute: int = Field(0, ge=0, description="Most recognitions of a key in a minute; 0 likewise")
    max_mb_per_day: int = Field(0, ge=0, description="Most MiB that a key may send in a day of UTC; 0 likewise")
    max_recognizers: int = Field(0, ge=0, description="Most recognizers that a tenant may keep; 0 likewise")
    max_queued_builds: int = Field(100, ge=1, description="Unfinished builds, above which new ones get 503")
    request_timeout_s: float = Field(3600.0, gt=0, description="Seconds that a request may take to arrive")
    ttl_s: int = Field(
        0, ge=0, description="Seconds after which a recognizer erases itself, if its request does not say; 0 is never"
    )
    collection: str = Field(
        "collection", min_length=1, max_length=200, description="Name of the recognizer that CompreFace's clients mean"
    )
    recognize_timeout_s: float = Field(30.0, gt=0, description="Seconds after which a recognition gives up with 503")

    @field_validator("views", mode="before")
    @classmethod
    def _number(cls, value: object) -> object:
        return int(value) if isinstance(value, str) and value.isdigit() else value

    @field_validator("hosts", "cors_origins", mode="before")
    @classmethod
    def _list(cls, value: object) -> object:
        return tuple(filter(None, map(str.strip, value.split(",")))) if isinstance(value, str) else value

    @field_validator("hosts")
    @classmethod
    def _hosts(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return addresses.hosts(value)

    @field_validator("cors_origins")
    @classmethod
    def _origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return addresses.origins(value)

    @field_validator("cluster")
    @classmethod
    def _cluster(cls, value: str) -> str:
        return addresses.cluster(value)

    @field_validator("data_dir")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value.expanduser().absolute()

    @computed_field(description="Where jobs and encodings are kept")  # type: ignore[prop-decorator]
    @property
    def database(self) -> str:
        return self.database_url or f"sqlite:///{self.data_dir / DATABASE_FILE}"


def load_settings() -> Settings:
    """The settings of the environment. Raises ``InvalidSettings`` that names each variable that is wrong or unknown."""
    known = [_variable(name) for name in Settings.model_fields]
    for variable in os.environ:
        if variable.startswith(_PREFIX) and not variable.startswith(_OF_TESTS) and variable not in known:
            raise InvalidSettings(no_such("setting", variable, known))
    try:
        return Settings()
    except ValidationError as error:
        raise InvalidSettings(sentences(error, "setting", Settings.model_fields, _variable)) from error


def _variable(name: str) -> str:
    """The environment variable of a setting."""
    return _PREFIX + name.upper()
