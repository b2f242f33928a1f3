"""The proof that a one-file recognizer is the service's own pipeline, led in a fresh process."""

import json
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Self

from constants.exceptions import BuildFailed, ImageRejected, MachineFault
from constants.settings import Settings
from modelization.bundle.drawn_portraits import drawn_portraits
from modelization.bundle.parity import OneFile, PhotoParity, Service, compare
from preprocessor.decoding import Photo
from preprocessor.face_pipeline import make_pipeline
from preprocessor.types import Pixels

#: Names of what the process is given; nothing more is imported for them, since it loads anew for every build.
_MODEL, _HEAD, _PICTURE = "recognizer.onnx", "head.onnx", "picture"


class PhotoProof:
    """A process that has seen nothing of the making of a file, and proves it.

    It takes a second to load what it needs, which it does beside other work from ``prepare`` on. To be used in a
    ``with``, after which the process is gone; it also ends when this one does.
    """

    def __init__(self, settings: Settings) -> None:
        """``settings`` are those of the recognizer's pipeline."""
        self._settings = settings
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()

    def prepare(self) -> None:
        """Start the process, unless it runs already."""
        if self._process is None:
            command = [sys.executable, "-m", __name__, str(self._settings.data_dir), str(self._settings.views)]
            self._process = subprocess.Popen(
                command, cwd=Path(__file__).parents[2], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )

    def prove(self, model: bytes, head: bytes, pictures: Sequence[bytes] = ()) -> PhotoParity:
        """Compare a one-file recognizer with the service's pipeline and ``head``; once for each ``PhotoProof``.

        On ``pictures``, where a build kept them, and always on three drawn faces. Raises ``BuildFailed`` where the two
        are not the same, and ``MachineFault`` where the process was ended by somebody else.
        """
        with tempfile.TemporaryDirectory(prefix="facial-parity-") as name:
            folder = Path(name)
            (folder / _MODEL).write_bytes(model)
            (folder / _HEAD).write_bytes(head)
            for number, picture in enumerate(pictures):
                (folder / f"{_PICTURE}{number}").write_bytes(picture)
            said = self._ask(name)
        if said is None:
            raise BuildFailed("The exported recognizer cannot be run; build it again, and report this if it stays.")
        parity = PhotoParity(**json.loads(said))
        if not parity.holds:
            raise BuildFailed(
                f"The exported recognizer is not the service's: {parity}; build it again, and report this if it stays."
            )
        return parity

    def _ask(self, folder: str) -> str | None:
        self.prepare()
        assert self._process is not None
        said, _ = self._process.communicate(folder)
        if -self._process.returncode in (signal.SIGKILL, signal.SIGTERM):
            raise MachineFault("The proof of a recognizer was ended from outside, or for want of memory.")
        return None if self._process.returncode else said


def _main() -> None:
    settings = Settings(data_dir=Path(sys.argv[1]), views=int(sys.argv[2]), detector="every")
    pipeline = make_pipeline(settings)
    name = sys.stdin.read()
    if name:  # else nobody waits for the proof any more
        folder = Path(name)
        service = Service(pipeline, (folder / _HEAD).read_bytes())
        print(json.dumps(asdict(compare(OneFile(folder / _MODEL), service, _pictures(folder)))))


def _pictures(folder: Path) -> Iterator[Pixels]:
    yield drawn_portraits()
    for path in sorted(folder.glob(f"{_PICTURE}*")):
        try:
            yield Photo(path.read_bytes()).pixels()
        except ImageRejected:
            continue


if __name__ == "__main__":
    _main()
