"""Whether everything that was accepted came to its end once, as clients, the database and the data folder tell it."""

import hashlib
import sqlite3
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from bench.fault_clients import Asking, GaveUp
from bench.fault_history import ENCODED, History, Owned, Version, Wrong

#: Folders of the data folder that are empty while nothing is to be done, and seconds that they have to become so.
_STAGING, _SWEPT_S = ("incoming", "images", "scratch"), 120.0

HashOf = Callable[[str, int], str | None]


def check_answers(asking: Asking, hash_of: HashOf) -> None:
    """Ask about everything that was accepted, and find what is lost, done twice, or not as it was told.

    ``hash_of`` says what the table has as the SHA-256 of a recognizer's version, by its id and number.
    """
    history = asking.history
    for owned in history.owned:
        try:
            if owned.deleted is not None:
                _check_deleted(asking, owned)
            else:
                _check_kept(asking, hash_of, owned)
        except GaveUp:
            continue  # found already
    _check_listing(asking)
    _check_recognitions(history)


def check_swept(history: History, data_dir: Path) -> None:
    """Find files that wait to be accepted or encoded although nothing does, once the service had time to see it."""
    until = time.monotonic() + _SWEPT_S
    while (left := staged(data_dir)) and time.monotonic() < until:
        time.sleep(0.2)
    if left:
        history.find(Wrong.BROKEN, f"{len(left)} staged files are left over, such as {left[0]}")


def check_stopped(history: History, data_dir: Path) -> None:
    """Find tasks that are still there, and bundles that nobody needs, once the service is stopped."""
    with closing(sqlite3.connect(data_dir / "facial.sqlite")) as database:
        tasks = database.execute("SELECT kind, state, count(*) FROM tasks GROUP BY kind, state").fetchall()
    for kind, state, number in tasks:
        history.find(Wrong.LOST, f"{number} tasks to {kind} are left {state}")
    kept = {owned.id for owned in history.owned if owned.deleted is None}
    for folder in (data_dir / "bundles").iterdir():
        if folder.name not in kept:
            history.find(Wrong.BROKEN, f"bundles/{folder.name} is nobody's", folder.name)


def staged(data_dir: Path) -> list[str]:
    """Uploads, pictures, and what trainings wrote on the way, by their names in the data folder."""
    found = (path for folder in _STAGING for path in (data_dir / folder).rglob("*") if path.is_file())
    return [str(path.relative_to(data_dir)) for path in found]


def _check_deleted(asking: Asking, owned: Owned) -> None:
    answer = asking.until_answered("GET", f"/v1/recognizers/{owned.id}", about=owned.id)
    if answer.status != 410:
        asking.history.find(Wrong.BROKEN, f"it was deleted and is answered {answer.status}", owned.id)


def _check_kept(asking: Asking, hash_of: HashOf, owned: Owned) -> None:
    history, path = asking.history, f"/v1/recognizers/{owned.id}"
    answer = asking.until_answered("GET", path, about=owned.id)
    if answer.status != 200:
        history.find(Wrong.LOST, f"the recognizer is answered {answer.status}", owned.id)
        return
    told = {version["version"]: version["state"] for version in answer.json["versions"]}
    for number in sorted(owned.versions.keys() - told.keys()):
        history.find(Wrong.LOST, f"version {number} is gone", owned.id)
    for number in sorted(told.keys() - owned.versions.keys()):
        history.find(Wrong.DUPLICATED, f"nobody asked for version {number}, which is {told[number]}", owned.id)
    for number in sorted(told.keys() & owned.versions.keys()):
        history.tell(owned, number, told[number])
        _check_version(asking, hash_of, owned, owned.versions[number])


def _check_version(asking: Asking, hash_of: HashOf, owned: Owned, version: Version) -> None:
    history, number, path = asking.history, version.number, f"/v1/recognizers/{owned.id}"
    wanted = "examined" if owned.dry_run else "ready"
    if version.state != wanted:
        status = asking.until_answered("GET", f"{path}?version={number}", about=owned.id).json
        history.find(Wrong.LOST, f"version {number} is {version.state}: {status.get('message')}", owned.id)
        return
    images = asking.until_answered("GET", f"{path}/images?version={number}", about=owned.id).json["images"]
    _check_images(history, owned, version, images)
    if owned.dry_run:
        return
    bundle = asking.until_answered("GET", f"{path}/model?version={number}", about=owned.id)
    in_table = hash_of(owned.id, number)
    if bundle.status != 200:
        history.find(Wrong.LOST, f"the bundle of version {number} is answered {bundle.status}", owned.id)
    elif hashlib.sha256(bundle.content).hexdigest() != in_table:
        history.find(Wrong.LOST, f"the bundle of version {number} is another one than the table says", owned.id)


def _check_images(history: History, owned: Owned, version: Version, images: list[dict[str, Any]]) -> None:
    """Every file that was accepted is there once, encoded or refused for the reason that is its own."""
    wanted = Counter((file.name, "rejected" if file.reason else "encoded", file.reason) for file in version.sent)
    found = Counter((image["file"], image["state"], image["reason"] or ENCODED) for image in images)
    for name, state, reason in (wanted - found).elements():
        really = [(image["state"], image["reason"]) for image in images if image["file"] == name]
        history.find(
            Wrong.LOST, f"{name} of version {version.number} is {really}, not {state} {reason or ''}", owned.id
        )
    more = [image for image in (found - wanted).elements() if image[0] not in {file.name for file in version.sent}]
    if more:
        history.find(Wrong.DUPLICATED, f"version {version.number} has files that nobody sent for it: {more}", owned.id)


def sha256_in_sqlite(database: Path, recognizer: str, version: int) -> str | None:
    """What the table has as the SHA-256 of a version's bundle."""
    query = "SELECT bundle_sha256 FROM builds WHERE recognizer_id = ? AND version = ?"
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        row = connection.execute(query, (recognizer, version)).fetchone()
    return row[0] if row else None


def _check_listing(asking: Asking) -> None:
    """No recognizer is there that nobody was told of."""
    listed = asking.until_answered("GET", "/v1/recognizers").json["recognizers"]
    known = {owned.id for owned in asking.history.owned}
    for recognizer in listed:
        if recognizer["id"] not in known:
            asking.history.find(
                Wrong.DUPLICATED, f"nobody was told of this one, which is {recognizer['state']}", recognizer["id"]
            )


def _check_recognitions(history: History) -> None:
    for recognition in history.recognitions:
        owned = recognition.owned
        forgotten = {label for label, at in owned.forgotten.items() if at <= recognition.asked}
        for label in sorted(recognition.named & forgotten):
            history.find(Wrong.BROKEN, f"{label} was named after being forgotten", owned.id)
        for label in sorted(recognition.named - owned.ever_known):
            history.find(Wrong.BROKEN, f"{label} was named, who is another recognizer's", owned.id)
        if owned.deleted is not None and owned.deleted <= recognition.asked and recognition.status not in (0, 410, 503):
            history.find(Wrong.BROKEN, f"it was deleted and a recognition is answered {recognition.status}", owned.id)
        if recognition.status not in (0, 200, 503) and not owned.is_going:
            history.find(Wrong.BROKEN, f"a recognition is answered {recognition.status}", owned.id)
