"""Places that several nodes keep files in: a folder, and a bucket of a real server of S3; both can go away."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError

from bench.running_service import free_port

BUCKET = "faces"
#: Seconds that a server has to start.
_PATIENCE_S = 120


class Folder:
    """A shared folder, which is away while it is called otherwise, as one that is not mounted."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.url = f"file://{folder}"
        folder.mkdir()

    def go_away(self) -> None:
        self._folder.rename(self._folder.with_name("away"))

    def come_back(self) -> None:
        self._folder.with_name("away").rename(self._folder)

    def contents(self) -> dict[str, bytes]:
        """Every file that a person would see, by its name."""
        files = (path for path in self._folder.rglob("*") if path.is_file() and path.name != ".facial-storage")
        return {str(path.relative_to(self._folder)): path.read_bytes() for path in files}

    def damage(self, name: str) -> None:
        (self._folder / name).write_bytes(b"damaged")


class Bucket:
    """A bucket of moto's server, which forgets all of it when it ends; when it comes back, the bucket is empty."""

    url = f"s3://{BUCKET}/of/the test"

    def __init__(self, log: Path) -> None:
        self._log = log
        self._port = free_port()
        self.environment = {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self._port}",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
        }
        self.come_back()

    def come_back(self) -> None:
        command = [str(Path(sys.executable).with_name("moto_server")), "--host=127.0.0.1", f"--port={self._port}"]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, env=os.environ | self.environment)
        until = time.monotonic() + _PATIENCE_S
        while True:
            try:
                self._client().create_bucket(Bucket=BUCKET)
                return
            except BotoCoreError:
                assert time.monotonic() < until and self._process.poll() is None, self._log.read_text()
                time.sleep(0.1)

    def go_away(self) -> None:
        self._process.kill()
        self._process.wait()

    close = go_away

    def stand_still(self) -> None:
        """Answer nobody; what is there stays."""
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def contents(self) -> dict[str, bytes]:
        """Every object in the bucket, by its name."""
        client, within = self._client(), "of/the test/"
        try:
            found = client.list_objects_v2(Bucket=BUCKET).get("Contents", [])
            assert all(entry["Key"].startswith(within) for entry in found)
            return {
                entry["Key"].removeprefix(within): client.get_object(Bucket=BUCKET, Key=entry["Key"])["Body"].read()
                for entry in found
            }
        finally:
            client.close()

    def damage(self, name: str) -> None:
        self._client().put_object(Bucket=BUCKET, Key=f"of/the test/{name}", Body=b"damaged")

    def _client(self) -> Any:
        at = {name.removeprefix("AWS_").lower(): value for name, value in self.environment.items()}
        return boto3.client(
            "s3",
            endpoint_url=at["endpoint_url"],
            aws_access_key_id=at["access_key_id"],
            aws_secret_access_key=at["secret_access_key"],
            region_name=at["default_region"],
            config=Config(retries={"total_max_attempts": 1}),
        )
