"""A wall clock of the service's processes that jumps while they run."""

import shutil
import struct
import subprocess
from pathlib import Path

_SOURCE = Path(__file__).with_suffix(".c")


class JumpingClock:
    """What the processes take for the time of day: the machine's, and some seconds that can be changed."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "clock"
        self._library = folder / "jumping_clock.so"
        self.set(0)
        subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", self._library, _SOURCE, "-ldl"], check=True)

    @staticmethod
    def is_possible() -> bool:
        """Whether this machine has the C compiler that it takes."""
        return shutil.which("cc") is not None

    @property
    def environment(self) -> dict[str, str]:
        """What a process that has this clock is started with."""
        return {"LD_PRELOAD": str(self._library), "JUMPING_CLOCK": str(self._file)}

    def set(self, seconds: int) -> None:
        """Let the clocks of all processes jump to so many seconds after the machine's."""
        with self._file.open("r+b" if self._file.exists() else "wb") as file:
            file.write(struct.pack("q", seconds))
