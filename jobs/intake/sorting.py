"""Opening what was sent, in a process that is ended where it takes too long: see ``sorter.py`` for what it does."""

import json
import os
import select
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from constants.exceptions import InvalidRequest, RequestTooLarge, UnsupportedMedia
from constants.reasons import Reason
from jobs.intake.sorter import Found, SortingJob

#: Seconds for one header, or for one file of an archive: a gigabyte is unpacked and synced in a few.
_LIMIT_S = 60.0
#: What it is run from, so that it finds its modules.
_ROOT = Path(__file__).parents[2]
_REFUSALS = {error.code: error for error in (InvalidRequest, RequestTooLarge, UnsupportedMedia)}


def sort_out(job: SortingJob, archives: Sequence[bool]) -> Iterator[Found]:
    """What the files of a job are; ``archives`` says of each whether it is one.

    A picture whose header ends the process, or keeps it too long, is a damaged one. Raises ``UnsupportedMedia`` for
    such an archive, ``RequestTooLarge`` or ``InvalidRequest`` for one that holds too much, and ``OSError`` where the
    machine fails.
    """
    done = 0
    while done < len(job.paths):
        begun = done
        for said in _hear(replace(job, paths=job.paths[done:])):
            if "opens" in said:
                done = begun + said["opens"]
            elif "found" in said:
                found = Found(**said["found"])
                yield replace(found, place=begun + found.place, reason=Reason(found.reason) if found.reason else None)
            elif "refused" in said:
                raise _REFUSALS[said["refused"]["code"]](said["refused"]["message"])
            elif "fault" in said:
                raise OSError(said["fault"], os.strerror(said["fault"]))
            else:
                return
        # It ended, or was ended, at this file.
        if archives[done]:
            raise UnsupportedMedia("The archive cannot be unpacked; send a .zip or a .tar.gz of the pictures alone.")
        yield Found(done, Reason.DAMAGED_IMAGE)
        done += 1


def _hear(job: SortingJob) -> Iterator[dict[str, Any]]:
    """What a fresh process says, up to its end; it is ended when it is silent for too long, or nobody listens."""
    command = [_python(), "-m", "jobs.intake.sorter"]
    with subprocess.Popen(
        command, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdin is not None
        try:
            with suppress(BrokenPipeError):
                process.stdin.write(json.dumps(asdict(job)).encode())
            with suppress(BrokenPipeError):
                process.stdin.close()
            yield from _lines(process)
        finally:
            process.kill()


def _lines(process: subprocess.Popen[bytes]) -> Iterator[dict[str, Any]]:
    assert process.stdout is not None
    descriptor, waiting = process.stdout.fileno(), select.poll()
    waiting.register(descriptor, select.POLLIN)
    begun = b""
    while waiting.poll(1000 * _LIMIT_S) and (data := os.read(descriptor, 1 << 16)):
        *lines, begun = (begun + data).split(b"\n")
        for line in lines:
            yield json.loads(line)


def _python() -> str:
    """The interpreter: of a process that uWSGI runs, the one beside uWSGI."""
    running = Path(sys.executable)
    return str(running if running.name.startswith("python") else running.with_name("python"))
