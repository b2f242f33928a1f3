"""Building and recognising from the command line: the service's own pipeline, without the service."""

import json
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from tqdm import tqdm

from constants.exceptions import BuildFailed, InvalidRequest
from constants.settings import load_settings
from jobs.intake.incoming import IncomingFile
from jobs.intake.label_manifest import Label, read_manifest
from jobs.intake.labels import clean_name
from jobs.intake.taking_in import Labelling, SentFile, take_in
from jobs.table import builds, contents
from jobs.table.build_options import BuildOptions
from jobs.table.builds import BuildStatus
from jobs.table.contents import FoundPerson, SentImage
from jobs.table.tables import BuildState
from jobs.work import runner
from jobs.workplace import Workplace
from logger import start_logging

#: Seconds between two looks at how far a build is.
_LOOK_S = 0.1


def build_folder(
    folder: Path, out: Path | None, chosen: Mapping[str, Any], manifest: Path | None = None, filenames: bool = False
) -> None:
    """Build a recognizer from a folder's pictures into the file ``out``, with progress on standard error.

    ``chosen`` are options of a build; labels are those of a ``manifest``, of folders, or, with ``filenames``, of
    file names. A dry run only says what was found. Raises ``InvalidRequest`` and ``BuildFailed`` as the service
    would answer them.
    """
    options = _options(chosen)
    labelling = Labelling(filenames, _manifest(manifest))
    if not folder.is_dir():
        raise InvalidRequest(f"{folder} is not a folder.")
    if out is None and not options.dry_run:
        raise InvalidRequest("Say where the recognizer goes: --out FILE.zip.")
    if out is not None and not out.absolute().parent.is_dir():
        raise InvalidRequest(f"There is no folder {out.parent} to put the recognizer in.")
    # Everything but the result is gone afterwards, so that no encodings are left lying about.
    with tempfile.TemporaryDirectory(prefix="facial-") as temporary, ExitStack() as stack:
        own = {"data_dir": Path(temporary), "database_url": "", "log_level": "WARNING"}
        workplace = Workplace.of(load_settings().model_copy(update=own))
        start_logging(workplace.settings, "build")
        stack.callback(workplace.database.close)
        sent = _read(folder, workplace, stack)
        uploads = take_in(sent, workplace.settings, workplace.storage.incoming, stack, labelling)
        recognizer = builds.submit(workplace.database, workplace.storage, uploads, options, max_open=1)
        status = _watch(workplace, recognizer, options)
        images = contents.images(workplace.database, recognizer)
        for image in images:
            if image.reason:
                print(f"{image.file}: {image.message}", file=sys.stderr)
        if status.state == BuildState.FAILED:
            raise BuildFailed(status.message)
        _say_what_looks_wrong(images, contents.people(workplace.database, recognizer))
        if out is not None and status.is_ready:
            shutil.copyfile(workplace.storage.bundle(recognizer, status.bundle or ""), out)
    print(f"{out}: {status.message.removeprefix('ready: ')}" if status.is_ready else status.message)


def _options(chosen: Mapping[str, Any]) -> BuildOptions:
    try:
        return BuildOptions.model_validate(chosen)
    except ValidationError as error:
        raise InvalidRequest(
            "; ".join(f"{problem['loc'][0]}: {problem['msg']}" for problem in error.errors())
        ) from error


def _manifest(path: Path | None) -> dict[str, tuple[Label, ...]]:
    if path is None:
        return {}
    if not path.is_file():
        raise InvalidRequest(f"{path} is not a file.")
    return read_manifest(path.read_bytes())


def _read(folder: Path, workplace: Workplace, stack: ExitStack) -> list[SentFile]:
    sent = []
    for path in sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(".")):
        file = IncomingFile(workplace.storage.incoming)
        stack.callback(file.close)
        with path.open("rb") as content:
            shutil.copyfileobj(content, file)
        file.seal()
        sent.append(SentFile(clean_name(str(path.relative_to(folder))), file))
    return sent


def _watch(workplace: Workplace, recognizer: str, options: BuildOptions) -> BuildStatus:
    """Run the build to its end in a thread of its own, showing how far it is."""
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(runner.run_all, workplace)
        for unit, what in _steps(options):
            with tqdm(unit=unit.removesuffix("s"), desc=what) as bar:
                while not wait([running], _LOOK_S).done and _show(bar, workplace, recognizer, unit):
                    pass
                _show(bar, workplace, recognizer, unit)
    running.result()
    return builds.status(workplace.database, recognizer)


def _say_what_looks_wrong(images: Sequence[SentImage], people: Sequence[FoundPerson]) -> None:
    for image in images:
        for face in image.faces:
            if face.suspect:
                like = f"; it looks like {face.resembles}" if face.resembles else ""
                print(f"{image.file}: this is probably not {face.person}{like}.", file=sys.stderr)
    for person in people:
        for other in filter(lambda other: other > person.label, person.looks_like):
            print(f"{person.label} and {other} are probably one person.", file=sys.stderr)
        if person.has_few:
            print(f"{person.label} has few pictures: {person.faces}.", file=sys.stderr)


def _steps(options: BuildOptions) -> Iterator[tuple[str, str]]:
    """What is counted one after another, and what is done meanwhile."""
    yield "images", "encode"
    if options.optimize and not options.dry_run:
        yield "generations", "search"
    if not options.dry_run:
        yield "epochs", "train"


def _show(bar: Any, workplace: Workplace, recognizer: str, unit: str) -> bool:
    """Bring the bar to where the build is; ``False`` once the build has gone beyond what the bar counts."""
    status = builds.status(workplace.database, recognizer)
    if status.unit == unit and not status.is_ready:
        bar.total = status.total
        bar.update(status.done - bar.n)
        return True
    bar.update((bar.total or 0) - bar.n)
    return False


def recognize_photos(recognizer: Path, photos: list[Path]) -> None:
    """Print the faces in photos, with the names that a recognizer's file gives them, as JSON."""
    from jobs.work.recognition import recognize
    from modelization.recognizer import Recognizer

    missing = next((path for path in (recognizer, *photos) if not path.is_file()), None)
    if missing is not None:
        raise InvalidRequest(f"{missing} is not a file.")
    loaded = Recognizer.load(recognizer)
    answers = recognize(loaded, [photo.read_bytes() for photo in photos], load_settings())
    images = [{"file": str(photo)} | answer for photo, answer in zip(photos, answers, strict=True)]
    print(json.dumps({"images": images}, ensure_ascii=False, indent=2))
