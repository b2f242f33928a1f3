"""The command ``facial``, which ``run.py`` is as well: build recognizers, use them, and run a service."""

import os
import runpy
import sys
from pathlib import Path
from typing import Any

import click

from constants.exceptions import FacialError, InvalidSettings
from constants.release import VERSION
from constants.settings import load_settings
from facial.house import HOUSE
from facial.service_processes import add_processes, own_settings
from jobs.table.build_options import BuildOptions

_BENCHES = (
    *("encode", "detect", "pipeline", "accuracy", "search", "cluster", "serve", "build", "forms"),
    *("faults", "limits", "fuzz", "cluster_scale"),
)
_PATH = click.Path(path_type=Path)
#: Interrupted by Ctrl-C, as shells count it.
_INTERRUPTED = 130


def main(arguments: list[str] | None = None) -> int:
    """Run one command, and give its exit status. What a person can mend ends with a sentence and 1, not a traceback."""
    try:
        return int(facial.main(arguments, prog_name="facial", standalone_mode=False) or 0)
    except FacialError as error:
        print(error, file=sys.stderr)
        return 1
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:
        return _INTERRUPTED


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(VERSION, message="%(version)s")
def facial() -> None:
    """Build face recognizers, and use them."""


@facial.command()
def serve() -> None:
    """Serve over HTTP, with all processes."""
    beside = Path(sys.executable).parent
    path = f"{beside}{os.pathsep}{os.environ.get('PATH', '')}"
    # Where it is started is where its data folder is, and not where its code is.
    own = {"PATH": path, "FACIAL_DATA_DIR": str(load_settings().data_dir)}
    os.chdir(HOUSE)
    try:
        os.execve(beside / "uwsgi", ["uwsgi", "--ini", "app.ini"], os.environ | own)
    except FileNotFoundError as error:
        raise InvalidSettings(f"There is no uWSGI beside {sys.executable}: start this by `make run`.") from error


def _build_options(command: Any) -> Any:
    """The options that a request has as well, as texts: what they may be is said in one place."""
    for name, option in reversed(BuildOptions.model_fields.items()):
        if name in ("keep_images", "ttl_s"):  # without a server nothing is kept but the file
            continue
        default = "" if option.default in (None, "", False) else f" ({option.default})"
        switch: Any = {"is_flag": True, "default": None, "flag_value": True} if option.annotation is bool else {}
        switched = click.option(f"--{name.replace('_', '-')}", help=f"{option.description}{default}", **switch)
        command = switched(command)
    return command


@facial.command()
@click.argument("folder", type=_PATH)
@click.option("--out", type=_PATH, help="The recognizer's file, *.zip; not needed for a dry run")
@click.option("--manifest", type=_PATH, help="A CSV or JSON file that says which files show whom")
@click.option("--label-from", type=click.Choice(["folder", "filename"]), help="Where a label is read")
@_build_options
def build(folder: Path, out: Path | None, manifest: Path | None, label_from: str | None, **options: Any) -> None:
    """Build a recognizer from a FOLDER of pictures, or of a folder for each person, without a server."""
    from jobs.commands.build_folder import build_folder  # the commands' libraries take seconds to load

    chosen = {name: value for name, value in options.items() if value is not None}
    build_folder(folder, out, chosen, manifest, label_from == "filename")


_photos = click.argument("photos", nargs=-1, required=True, type=click.Path(path_type=Path, allow_dash=True))
_json = click.option("--json", "as_json", is_flag=True, help="A line of JSON for each photo, for programs")


@facial.command()
@click.argument("recognizer", type=_PATH)
@_photos
@_json
@click.option("--draw", type=_PATH, metavar="FOLDER", help="Where to put each photo with its faces drawn into it")
def recognize(recognizer: Path, photos: tuple[Path, ...], as_json: bool, draw: Path | None) -> int:
    """Name the people in PHOTOS by a RECOGNIZER's file, without a server.

    A photo is a file, a folder of them, or - for one on standard input. Ends with 1 where no photo could be read.
    """
    from jobs.commands.recognize_photos import recognize_photos

    return recognize_photos(recognizer, photos, as_json, draw)


@facial.command()
@click.argument("photos", nargs=2, type=_PATH)
@_json
def verify(photos: tuple[Path, Path], as_json: bool) -> int:
    """Say whether two PHOTOS show the same person: the largest face of each. Ends with 1 where they do not."""
    from jobs.commands.compare_photos import verify_photos

    return verify_photos(photos, as_json)


@facial.command()
@_photos
def encode(photos: tuple[Path, ...]) -> int:
    """Print the faces in PHOTOS with their 128 numbers, a line of JSON for each photo."""
    from jobs.commands.compare_photos import encode_photos

    return encode_photos(photos)


@facial.command()
@click.argument("file", type=_PATH)
def backup(file: Path) -> None:
    """Write all that is kept to a FILE, *.tar, while the service runs; one of that name is replaced."""
    from jobs.commands.back_up import back_up

    back_up(file)


@facial.command()
@click.argument("file", type=_PATH)
def restore(file: Path) -> None:
    """Bring a backup's FILE into an empty data folder, before the service starts."""
    from jobs.commands.restore import restore as restore_from

    restore_from(file)


@facial.command()
@click.argument("dataset", type=_PATH)
@click.option("--source", required=True, help="What the data set is, and who made it; kept in the file")
@click.option("--out", type=_PATH, help="The file; by default the one that recognizers are built with")
def prior(dataset: Path, source: str, out: Path | None) -> None:
    """Learn the statistics of faces at large from a public DATASET: a folder for each of many people."""
    try:
        from jobs.commands.make_prior import make_prior
    except ModuleNotFoundError as error:
        if error.name != "sklearn":
            raise
        raise InvalidSettings("This needs scikit-learn: pip install 'scikit-learn>=1.8,<2'.") from error

    make_prior(dataset, source, out)


@facial.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.argument("name", type=click.Choice(_BENCHES))
@click.argument("options", nargs=-1, type=click.UNPROCESSED)
def bench(name: str, options: tuple[str, ...]) -> None:
    """Compare with what others do, on pictures of yours: --dataset FOLDER, --quick. From a checkout."""
    sys.argv = [f"bench.{name}", *options]
    runpy.run_module(f"bench.{name}", run_name="__main__")


@facial.command()
@click.option("--since", help="A date such as 2030-12-31, or days ago such as 7d")
@click.option("--recognizer", help="The id of a recognizer")
def audit(since: str | None, recognizer: str | None) -> None:
    """Show who did what to which recognizer, as lines of JSON."""
    from jobs.commands.show_audit import show_audit

    show_audit(since, recognizer)


@facial.group()
def keys() -> None:
    """Make, list and revoke the keys of clients."""


@keys.command()
@click.option("--name", required=True, help="What it is called in lists, logs and the audit")
@click.option("--scope", required=True, help="What it may do: build, recognize, admin, separated by commas")
@click.option("--expires", help="A date such as 2030-12-31, or days such as 90d; never, where left out")
@click.option("--tenant", help="Whose recognizers it sees; by default only those that it makes itself")
def create(name: str, scope: str, expires: str | None, tenant: str | None) -> None:
    """Make a key, which is shown once."""
    from jobs.commands.manage_keys import create_key

    create_key(own_settings(), name, scope, expires, tenant)


@keys.command("list")
def list_all() -> None:
    """Tell what is known of every key, which is not the key."""
    from jobs.commands.manage_keys import list_keys

    list_keys(own_settings())


@keys.command()
@click.argument("name")
def revoke(name: str) -> None:
    """Let the key NAME open nothing from now on."""
    from jobs.commands.manage_keys import revoke_key

    revoke_key(own_settings(), name)


add_processes(facial)
