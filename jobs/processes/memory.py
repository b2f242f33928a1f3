"""How much memory a worker may take: one that takes more fails at what it is at, and not the whole machine."""

import resource
import sys

from jobs.table.tables import TaskKind

#: GiB of addresses for each kind of worker. An encode worker has 1.2 mapped when it has loaded all it needs, and at
#: most 1.9 with a picture of 100 megapixels; a train worker 3.4 with TensorFlow, which maps more than it uses.
_ADDRESSES_GIB = {TaskKind.ENCODE: 4, TaskKind.TRAIN: 16}


def limit_memory(kind: TaskKind) -> None:
    """Let this process fail with ``MemoryError`` beyond what its kind of work needs.

    Addresses are limited, since no system counts resident memory; macOS does not hold such a limit.
    """
    if sys.platform == "linux":
        most = _ADDRESSES_GIB[kind] << 30
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
