"""A process that does not outlive the one that started it."""

import ctypes
import os
import signal
import sys

#: From Linux' ``sys/prctl.h``.
_PR_SET_PDEATHSIG = 1


def end_with(parent: int) -> None:
    """Let this process be killed when its parent ends, also while it is busy or stopped.

    Two services would else be at work in one data folder for a moment after a supervisor was killed. Where the system
    cannot do that, processes look after their parent themselves, between two pieces of work.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before the system was asked
        sys.exit(1)
