"""Keys in the table and on the command line."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import select

from constants.exceptions import Conflict, InvalidRequest, NotFound
from jobs.table import access_keys
from jobs.table.access_keys import KeyState, Scope
from jobs.table.tables import access_keys as table

ROOT = Path(__file__).parents[2]


def test_a_key_is_found_and_kept_nowhere(workplace):
    key = access_keys.create(workplace.database, "front-door", [Scope.RECOGNIZE, Scope.BUILD])
    other = access_keys.create(workplace.database, "other", [Scope.RECOGNIZE])
    assert len(key) == len("facial_") + 43 and key != other  # 256 bits in base 64
    found = access_keys.find(workplace.database, key)
    assert (found.name, found.scopes, found.state) == ("front-door", {Scope.RECOGNIZE, Scope.BUILD}, KeyState.VALID)
    for wrong in (key[:-1], key + "A", key.lower(), "", "é"):
        assert access_keys.find(workplace.database, wrong) is None
    with workplace.database.read() as connection:
        assert key not in str(connection.execute(select(table)).all())
    everything = b"".join(file.read_bytes() for file in workplace.settings.data_dir.glob("facial.sqlite*"))
    assert key.encode() not in everything and key.removeprefix("facial_").encode() not in everything


def test_a_name_is_given_once_and_cannot_forge_a_line(workplace):
    access_keys.create(workplace.database, "one", [Scope.BUILD])
    access_keys.revoke(workplace.database, "one")
    with pytest.raises(Conflict, match="'one'"):
        access_keys.create(workplace.database, "one", [Scope.BUILD])
    for name in ("", "a b", "a\nb", "-x", "é", "x" * 65):
        with pytest.raises(InvalidRequest, match="name"):
            access_keys.create(workplace.database, name, [Scope.BUILD])


def test_a_tenant_is_shared_on_purpose_alone(workplace):
    access_keys.create(workplace.database, "acme", [Scope.BUILD])
    access_keys.create(workplace.database, "second", [Scope.BUILD], tenant="acme")
    access_keys.create(workplace.database, "third", [Scope.BUILD], tenant="new")
    tenants = [key.tenant for key in access_keys.listing(workplace.database)]
    assert tenants == ["acme", "acme", "new"]
    for taken in ("new", "default"):
        with pytest.raises(Conflict, match=f"--tenant {taken}"):
            access_keys.create(workplace.database, taken, [Scope.BUILD])
    with pytest.raises(InvalidRequest, match="'a b'"):
        access_keys.create(workplace.database, "x", [Scope.BUILD], tenant="a b")


def test_what_was_revoked_stays_revoked(workplace):
    key = access_keys.create(workplace.database, "one", [Scope.BUILD])
    access_keys.revoke(workplace.database, "one")
    (first,) = access_keys.listing(workplace.database)
    access_keys.revoke(workplace.database, "one")
    (again,) = access_keys.listing(workplace.database)
    assert again.state == KeyState.REVOKED and again.revoked_at == first.revoked_at
    assert access_keys.find(workplace.database, key) is None
    assert access_keys.are_in_use(workplace.database)
    with pytest.raises(NotFound, match="'two'"):
        access_keys.revoke(workplace.database, "two")


@pytest.fixture
def command(tmp_path):
    """Run ``run.py keys`` on a data folder of the test's own, which is not there yet."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FACIAL_")}

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "run.py", "keys", *arguments],
            cwd=ROOT,
            env=environment | {"FACIAL_DATA_DIR": str(tmp_path / "data")},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


@pytest.mark.thorough
def test_keys_on_the_command_line(command):
    made = command("create", "--name", "front-door", "--scope", "build, recognize", "--expires", "90d")
    assert made.returncode == 0, made.stderr
    key = made.stdout.strip()
    assert key.startswith("facial_") and "\n" not in key
    old = command("create", "--name", "old", "--scope", "admin", "--expires", "2099-12-31", "--tenant", "acme")
    assert old.returncode == 0, old.stderr
    assert command("revoke", "old").returncode == 0
    listed = command("list").stdout
    assert key not in listed
    lines = [line.split() for line in listed.splitlines()]
    assert lines[0][:4] == ["NAME", "TENANT", "STATE", "SCOPES"]
    assert lines[1][:4] == ["front-door", "front-door", "valid", "build,recognize"] and lines[1][-1] == "never"
    assert lines[2][:4] == ["old", "acme", "revoked", "admin"] and "2099-12-31" in lines[2]
    for arguments, sentence in [
        (("create", "--name", "x", "--scope", "bild"), "did you mean 'build'?"),
        (("create", "--name", "x", "--scope", "build", "--expires", "soon"), "'soon' is no date"),
        (("create", "--name", "x", "--scope", "build", "--expires", "2001-01-01"), "is past already"),
        (("create", "--name", "front-door", "--scope", "build"), "choose another name"),
        (("revoke", "x"), "no key called 'x'"),
    ]:
        refused = command(*arguments)
        assert (refused.returncode, refused.stdout) == (1, "") and sentence in refused.stderr
        assert "Traceback" not in refused.stderr
