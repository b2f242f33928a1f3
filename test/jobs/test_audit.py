"""The file of who did what."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from jobs import audit_file
from jobs.audit_file import Entry

ROOT = Path(__file__).parents[2]
WRITERS, LINES = 4, 200
WRITER = f"""
import sys
from pathlib import Path
from jobs.audit_file import Entry, append
for number in range({LINES}):
    append(Path(sys.argv[1]), Entry(sys.argv[2] * 50, "build", numbers={{"files": number}}), synced=False)
"""


def test_processes_do_not_mix_their_lines(tmp_path):
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path), letter], cwd=ROOT) for letter in "abcd"[:WRITERS]
    ]
    assert [writer.wait() for writer in writers] == [0] * WRITERS
    found = list(audit_file.entries(tmp_path))
    assert len(found) == WRITERS * LINES
    for letter in "abcd":
        own = [entry["numbers"]["files"] for entry in found if entry["who"] == letter * 50]
        assert own == list(range(LINES))


def test_a_file_that_was_put_aside_is_read_first_and_a_damaged_line_named(tmp_path, capsys):
    audit_file.append(tmp_path, Entry("one", "build"))
    (tmp_path / "audit.jsonl").rename(tmp_path / "audit-2026-01.jsonl")
    audit_file.append(tmp_path, Entry("two", "build"))
    with (tmp_path / "audit.jsonl").open("a") as file:
        file.write('{"at": "20')
    assert [entry["who"] for entry in audit_file.entries(tmp_path)] == ["one", "two"]
    assert "audit.jsonl:2 is damaged" in capsys.readouterr().err


def test_it_is_shown_on_the_command_line(tmp_path):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FACIAL_")}

    def run(*arguments):
        command = [sys.executable, "run.py", *arguments]
        environment["FACIAL_DATA_DIR"] = str(tmp_path)
        return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)

    old = {"at": (datetime.now(UTC) - timedelta(days=3)).isoformat(), "who": "old", "action": "build"}
    (tmp_path / "audit.jsonl").write_text(json.dumps(old | {"recognizer": "a" * 32}) + "\n")
    audit_file.append(tmp_path, Entry("new", "delete", recognizer="b" * 32))
    assert run("keys", "create", "--name", "front-door", "--scope", "build").returncode == 0
    assert run("keys", "revoke", "front-door").returncode == 0

    def shown(*arguments):
        ended = run("audit", *arguments)
        assert ended.returncode == 0, ended.stderr
        return [json.loads(line) for line in ended.stdout.splitlines()]

    assert [entry["who"] for entry in shown()] == ["old", "new", "command line", "command line"]
    assert [(entry["action"], entry["key"]) for entry in shown()[2:]] == [
        ("create_key", "front-door"),
        ("revoke_key", "front-door"),
    ]
    assert next(entry["who"] for entry in shown("--since", "2d")) == "new"
    assert [entry["who"] for entry in shown("--since", "2001-01-01", "--recognizer", "a" * 32)] == ["old"]
    refused = run("audit", "--since", "yesterday")
    assert refused.returncode == 1 and "'yesterday' is no date" in refused.stderr
