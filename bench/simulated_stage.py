"""A stage of a known length, for a cluster's workers."""

import time


def rest(_release: str, seconds: float) -> list[bytes]:
    """Takes so long without using a core, and answers as a stage does."""
    time.sleep(seconds)
    return [b"{}"]
