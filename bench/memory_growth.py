"""How much the memory of a service's processes grows while they recognize and build."""

import random
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import psutil  # type: ignore[import-untyped]

from bench.harness import progress
from bench.managed_service import ManagedService
from bench.portrait_pictures import Portraits
from bench.running_service import RunningService, form
from bench.service_processes import Kind

#: Clients that recognize at the same time.
_CLIENTS = 4
#: Share of all the work that is done before the first look: by then each of the web processes' 256 threads has served,
#: and what every process loads once is loaded.
_WARMING = 0.2
#: Pictures of each person of a build.
_EACH = 6


def memory_growth(folder: Path, recognitions: int, builds: int) -> dict[str, float]:
    """The share by which the resident memory of each kind of process grew at most, over so much work without faults.

    Of a kind with several processes their sum counts.
    """
    portraits, rng = Portraits.make(folder / "people"), random.Random(0)
    service = ManagedService(folder / "quiet", folder / "quiet.log")
    service.start()
    try:
        recognizer = service.client().build(_pictures(portraits, rng))
        warming = max(2, round(_WARMING * builds))
        looks = []
        for _ in progress(range(warming + builds), "builds without faults"):
            _work(service.client(), portraits, rng, recognizer, recognitions // builds)
            looks.append(_resident(service))
    finally:
        service.kill()
    for look in looks:
        print({str(kind): size >> 20 for kind, size in look.items()}, file=sys.stderr)
    first, *later = looks[warming - 1 :]
    return {str(kind): max(look[kind] for look in later) / first[kind] - 1 for kind in first}


def _work(client: RunningService, portraits: Portraits, rng: random.Random, recognizer: str, recognitions: int) -> None:
    """Build a recognizer and delete it, while photos are recognized with another one."""
    photos = [portraits.photo(rng.choice(sorted(portraits.views)), rng) for _ in range(recognitions)]
    path = f"/v1/recognizers/{recognizer}/recognize"
    with ThreadPoolExecutor(_CLIENTS + 1) as pool:
        built = pool.submit(client.build, _pictures(portraits, rng))
        statuses = Counter(
            status
            for status, _ in pool.map(
                lambda photo: client.send("POST", path, form("image", [("photo.jpg", photo)])), photos
            )
        )
        client.send("DELETE", f"/v1/recognizers/{built.result()}")
    if statuses.keys() - {200}:
        sys.exit(f"Recognitions were answered {dict(statuses)}.")


def _pictures(portraits: Portraits, rng: random.Random) -> list[tuple[str, bytes]]:
    return [
        (f"{person}/{number}.jpg", portraits.photo(person, rng))
        for person in portraits.views
        for number in range(_EACH)
    ]


def _resident(service: ManagedService) -> Counter[Kind]:
    """Bytes of resident memory, by the kind of process."""
    found: Counter[Kind] = Counter()
    for member in service.roster.members():
        with suppress(psutil.NoSuchProcess):
            if member.kind != Kind.OTHER:
                found[member.kind] += member.process.memory_info().rss
    return found
