"""A recognizer of 100 people from 1,000 pictures through the whole service, one more person in it, and the memory."""

import io
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import psutil  # type: ignore[import-untyped]
from PIL import Image

from bench.harness import arguments, progress, report, timed
from bench.running_service import RunningService, form, running_service, wait_until

#: People of the recognizer, in a short run, and pictures of each.
PEOPLE, QUICK_PEOPLE, PICTURES = 100, 10, 10
#: Pixels cut off from a picture that is taken once more, for each time: another file, and as much work.
CUT = 2
#: JPEG quality of such a picture.
QUALITY = 95
#: Kinds of processes by what stands in their commands.
KINDS = {
    "supervisor": "run.py workers",
    "dispatcher": "dispatcher",
    "encode": "worker encode",
    "train": "worker train",
    "web": "uwsgi",
}

_Files = list[tuple[str, bytes]]


def main() -> None:
    options = arguments(__doc__)
    count = QUICK_PEOPLE if options.quick else PEOPLE
    people = list(_people(options.dataset, count + 1))
    with tempfile.TemporaryDirectory() as folder, running_service(Path(folder)) as service:
        # A first small build, so that every worker has loaded what it loads once.
        service.build([file for own in people[:2] for file in own[:3]])
        pictures = [file for own in people[:count] for file in own]
        seconds, recognizer = timed(service.build, pictures)
        added, _ = timed(_add, service, recognizer, people[count])
        memory = _megabytes()
    figures = {"seconds_1000_images": seconds, "seconds_add_person": added, "add_person_ratio": added / seconds}
    report("build", figures | memory, {"people": count, "images": len(pictures), "added": PICTURES})


def _people(dataset: Path, count: int) -> Iterator[_Files]:
    """Of those with the most pictures ``PICTURES`` each; where there are fewer, some are taken twice, cut a little."""
    folders = [sorted(person.glob("*.jpg")) for person in sorted(dataset.iterdir()) if person.is_dir()]
    most = sorted((own for own in folders if own), key=lambda own: -len(own))[:count]
    if len(most) < count:
        sys.exit(f"{dataset} has pictures of {len(most)} people only; {count} are needed.")
    for own in progress(most, "reading"):
        yield [_picture(own, number) for number in range(PICTURES)]


def _picture(own: Sequence[Path], number: int) -> tuple[str, bytes]:
    file, again = own[number % len(own)], number // len(own)
    name = f"{file.parent.name}/{again}-{file.name}"
    if not again:
        return name, file.read_bytes()
    buffer = io.BytesIO()
    with Image.open(file) as picture:
        picture.crop((CUT * again, 0, *picture.size)).save(buffer, "JPEG", quality=QUALITY)
    return name, buffer.getvalue()


def _add(service: RunningService, recognizer: str, pictures: _Files) -> None:
    """Add a person, and wait for the version that has it."""
    path = f"/v1/recognizers/{recognizer}"
    status, content = service.send("POST", f"{path}/people", form("images", pictures))
    if status != 202:
        sys.exit(f"The person was refused: {content.decode()}")
    version = json.loads(content)["version"]

    def state() -> str:
        return str(json.loads(service.send("GET", f"{path}?version={version}")[1])["state"])

    wait_until(lambda: state() in ("ready", "failed"), "the new version")
    if state() == "failed":
        sys.exit("The new version failed.")


def _megabytes() -> dict[str, float]:
    """Resident memory of the largest process of each kind among those that this one started."""
    found = dict.fromkeys(KINDS, 0.0)
    for process in psutil.Process().children(recursive=True):
        command = " ".join(process.cmdline())
        kind = next((kind for kind, part in KINDS.items() if part in command), None)
        if kind is not None:
            found[kind] = max(found[kind], process.memory_info().rss / (1 << 20))
    return {f"rss_mb_{kind}": megabytes for kind, megabytes in found.items()}


if __name__ == "__main__":
    main()
