"""Building from a folder on the command line: the service's own pipeline, without the service."""

import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from tqdm import tqdm

from constants.exceptions import BuildFailed, InvalidRequest, InvalidSettings
from constants.settings import load_settings
from constants.validation import sentences
from jobs.files.held_folder import held_folder, sweep_unheld
from jobs.intake.incoming import IncomingFile
from jobs.intake.intake import Intake, Labelling
from jobs.intake.label_manifest import Label, read_manifest
from jobs.table import builds, contents
from jobs.table.admission import Admission
from jobs.table.build_options import BuildOptions
from jobs.table.builds import BuildStatus
from jobs.table.contents import FoundPerson, SentImage
from jobs.table.tables import BuildState
from jobs.work import runner
from jobs.workplace import Workplace
from logger import start_logging
from modelization.bundle.bundle_parts import open_whole

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
    with _own_workplace() as workplace:
        with Intake(workplace.settings, workplace.storage.incoming) as intake:
            uploads = intake.take(_read(folder, intake), labelling)
            recognizer = builds.submit(workplace.database, workplace.storage, uploads, options, Admission(max_open=1))
        status = _watch(workplace, recognizer, options)
        images = contents.images(workplace.database, recognizer)
        for image in images:
            if image.reason:
                print(f"{image.file}: {image.message}", file=sys.stderr)
            if image.first_of_several:
                print(f"{image.file}: the file has several pictures; only the first was looked at.", file=sys.stderr)
        if status.state == BuildState.FAILED:
            raise BuildFailed(status.message)
        _say_what_looks_wrong(images, contents.people(workplace.database, recognizer))
        if out is not None and status.is_ready:
            built = builds.bundle(workplace.database, workplace.storage, recognizer)
            with open_whole(built) as bundle, out.open("wb") as file:
                shutil.copyfileobj(bundle, file)
    said = status.message.partition(": see /")[0]  # there is no service to look at it with
    print(f"{out}: {said.removeprefix('ready: ')}" if status.is_ready else said)


@contextmanager
def _own_workplace() -> Iterator[Workplace]:
    """A workplace that is gone afterwards, so that no encodings are left lying about.

    What one left whose process was killed goes at the next time.
    """
    parent = _private_parent()
    sweep_unheld(parent)
    with held_folder(parent) as folder:
        own = {"data_dir": folder, "database_url": "", "storage_url": "", "log_level": "WARNING"}
        workplace = Workplace.of(load_settings().model_copy(update=own))
        start_logging(workplace.settings, "build")
        try:
            yield workplace
        finally:
            workplace.database.close()


def _private_parent() -> Path:
    """A folder for temporary ones that is this user's alone, though everybody may make folders beside it."""
    parent = Path(tempfile.gettempdir()) / f"facial-{os.geteuid()}"
    with suppress(FileExistsError):
        parent.mkdir(mode=0o700)
    found = parent.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) != 0o700:
        raise InvalidSettings(f"{parent} is not this user's alone: delete it, or set TMPDIR to another folder.")
    return parent


def _options(chosen: Mapping[str, Any]) -> BuildOptions:
    try:
        return BuildOptions.model_validate(chosen)
    except ValidationError as error:
        as_written = lambda name: f"--{name.replace('_', '-')}"  # noqa: E731
        raise InvalidRequest(sentences(error, "option", BuildOptions.model_fields, as_written)) from error


def _manifest(path: Path | None) -> dict[str, tuple[Label, ...]]:
    if path is None:
        return {}
    if not path.is_file():
        raise InvalidRequest(f"{path} is not a file.")
    return read_manifest(path.read_bytes())


def _read(folder: Path, intake: Intake) -> list[IncomingFile]:
    sent = []
    for path in sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(".")):
        file = intake.receive(str(path.relative_to(folder)))
        with path.open("rb") as content:
            shutil.copyfileobj(content, file)
        file.seal()
        sent.append(file)
    return sent


def _watch(workplace: Workplace, recognizer: str, options: BuildOptions) -> BuildStatus:
    """Run the build to its end in a thread of its own, showing how far it is."""
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(runner.run_all, workplace)
        for unit, what in _steps(options):
            with tqdm(unit=unit.removesuffix("s"), desc=what, disable=None) as bar:
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
