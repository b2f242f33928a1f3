"""Objects in a bucket of S3, or of a server that speaks as S3 does; credentials come as AWS's own tools take them."""

import tempfile
import uuid
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

from aiohttp import ClientError as HTTPError
from botocore.exceptions import BotoCoreError, ClientError
from s3fs import S3FileSystem

from constants.exceptions import InvalidSettings
from jobs.files.object_store import ObjectStore, unusable

#: Seconds that a server has to take a connection, and to send the next bytes.
_CONNECT_S, _READ_S = 3, 20
#: Times that a request is tried: whoever waits for it hears soon that the server is away.
_TRIES = 2
#: Bytes of a part of a large object, of which two are held at a time.
_PART_BYTES = 8 << 20
#: Objects that one request deletes at the most.
_MOST_DELETED = 1000
#: What goes wrong between here and a bucket.
_FAULTS = OSError, BotoCoreError, ClientError, HTTPError, TimeoutError


class Bucket(ObjectStore):
    """Objects whose keys begin with ``prefix``."""

    def __init__(self, bucket: str, prefix: str) -> None:
        self._bucket = bucket
        self._prefix = f"{prefix}/" if prefix else ""

    @cached_property
    def _server(self) -> S3FileSystem:
        """Made where it is used first: it has a thread and sockets, which no fork may carry over."""
        config = {
            "connect_timeout": _CONNECT_S,
            "read_timeout": _READ_S,
            "retries": {"mode": "standard", "total_max_attempts": _TRIES},
        }
        server = S3FileSystem(config_kwargs=config, use_listings_cache=False, skip_instance_cache=True)
        server.retries = _TRIES
        return server

    def check(self) -> None:
        """Write, read and delete an object. Raises ``InvalidSettings`` that says why that cannot be."""
        name = f"probe/{uuid.uuid4().hex}"
        try:
            with tempfile.NamedTemporaryFile() as file:
                path = Path(file.name)
                self._server.put_file(file.name, self._path(name))
                self.get(name, path)
                self.names(name)
                self.delete([name])
        except _FAULTS as error:
            raise InvalidSettings(
                f"The bucket {self._bucket!r} of FACIAL_STORAGE_URL cannot be used: {_said(error)}. Make it, or name "
                "another one; AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY have to open it for reading, writing, "
                "listing and deleting, and AWS_ENDPOINT_URL names a server that is not Amazon's."
            ) from error

    def put(self, path: Path, name: str) -> None:
        """Send a file: it is an object once all of it has arrived."""
        with self._faults():
            try:
                self._server.put_file(str(path), self._path(name), chunksize=_PART_BYTES, max_concurrency=2)
            except FileNotFoundError:
                if not path.exists():
                    raise
                raise unusable(self._where) from None  # the bucket is missing

    def get(self, name: str, path: Path) -> None:
        """Receive an object."""
        with self._faults():
            self._server.get_file(self._path(name), str(path), max_concurrency=1)

    def names(self, prefix: str) -> list[str]:
        """The names of the objects, as the server has them now."""
        found: list[str] = []
        asked: dict[str, str] = {"Bucket": self._bucket, "Prefix": self._prefix + prefix}
        with self._faults():
            while True:
                answer = self._ask("list_objects_v2", **asked)
                found += [entry["Key"].removeprefix(self._prefix) for entry in answer.get("Contents", ())]
                if not answer.get("IsTruncated"):
                    return found
                asked["ContinuationToken"] = answer["NextContinuationToken"]

    def delete(self, names: Collection[str]) -> None:
        """Delete objects, a thousand by a request."""
        keys = [{"Key": self._prefix + name} for name in names]
        with self._faults():
            for first in range(0, len(keys), _MOST_DELETED):
                some = {"Objects": keys[first : first + _MOST_DELETED], "Quiet": True}
                if self._ask("delete_objects", Bucket=self._bucket, Delete=some).get("Errors"):
                    raise unusable(self._where)

    def _ask(self, what: str, **arguments: object) -> dict[str, Any]:
        answer: dict[str, Any] = self._server.call_s3(what, **arguments)
        return answer

    def _path(self, name: str) -> str:
        return f"{self._bucket}/{self._prefix}{name}"

    @property
    def _where(self) -> str:
        return f"The bucket {self._bucket!r}"

    @contextmanager
    def _faults(self) -> Iterator[None]:
        """Within, whatever goes wrong on the way is a fault of the machine, a bucket that is missing, too."""
        try:
            yield
        except FileNotFoundError as error:
            if _code(error) == "NoSuchBucket":
                raise unusable(self._where) from error
            raise
        except _FAULTS as error:
            raise unusable(self._where) from error


def _code(error: BaseException) -> str:
    """The server's own word for an error."""
    cause = error.__cause__ or error
    return str(cause.response["Error"]["Code"]) if isinstance(cause, ClientError) else ""


def _said(error: BaseException) -> str:
    """What a server said of an error, or who could not be reached; neither tells a key."""
    cause = error.__cause__ or error
    return str(cause).rstrip(".")
