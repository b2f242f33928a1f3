"""What the image is made of: everything that the service needs, by its hash, and nothing that has no version."""

import re
from pathlib import Path

import click
import pytest
from packaging.markers import Marker
from packaging.requirements import Requirement

from facial.command_line import facial

ROOT = Path(__file__).parents[2]
#: Where the image runs.
IMAGES = [
    {"platform_machine": machine, "python_version": "3.11", "python_full_version": "3.11.9", "sys_platform": "linux"}
    for machine in ("x86_64", "aarch64")
]


def locked(image: dict[str, str]) -> dict[str, str]:
    """The versions that the lock file has for an image, each with a hash."""
    found = {}
    for entry in re.split(r"\n(?=[a-z])", (ROOT / "requirements.lock").read_text()):
        if entry.startswith("#"):
            continue
        assert "--hash=sha256:" in entry
        name, version, marker = re.match(r"([a-z0-9-]+)==(\S+)(?: ; (.+?))? \\\n", entry).groups()
        if marker is None or Marker(marker).evaluate(image):
            found[name] = version
    return found


@pytest.mark.parametrize("image", IMAGES, ids=lambda image: image["platform_machine"])
def test_the_lock_file_has_what_the_service_needs(image):
    found = locked(image)
    if image["platform_machine"] == "x86_64":
        found["tensorflow"] = found["tensorflow-cpu"]
    for line in (ROOT / "requirements.txt").read_text().splitlines():
        if not line.startswith("#"):
            needed = Requirement(line)
            name = needed.name.lower().replace("_", "-")
            assert found[name] in needed.specifier, f"make lock, for {line}"


def test_the_image_copies_what_the_docker_file_names():
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    sent = (ROOT / ".dockerignore").read_text().splitlines()
    for name in " ".join(copied).split():
        assert (ROOT / name).exists() and f"!{name}" in sent


def test_every_bench_that_is_named_is_there():
    bench = facial.get_command(click.Context(facial), "bench")
    names = bench.params[0].type.choices
    assert {"forms", "fuzz"} <= set(names) and all((ROOT / "bench" / f"{name}.py").is_file() for name in names)
