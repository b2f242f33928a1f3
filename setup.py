"""Where the folders go in an installed package: ``facial`` for whoever imports it, the service's own within it.

They import each other as ``app``, ``jobs`` and so on; in somebody's environment no module may be called so.
"""

from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

HOUSE = ("app", "constants", "features", "jobs", "logger", "modelization", "optimization", "preprocessor")
inside = sorted(
    ".".join(folder.parts)
    for top in HOUSE
    for folder in {path.parent for path in Path(top).rglob("*") if path.is_file()}
    if folder.name != "__pycache__"
)


class BuildModules(build_py):
    """All modules but this one, which stands beside ``run.py``."""

    def find_package_modules(self, package: str, package_dir: str) -> list[tuple[str, str, str]]:
        return [found for found in super().find_package_modules(package, package_dir) if found[1] != "setup"]


setup(
    cmdclass={"build_py": BuildModules},
    packages=["facial", "facial.house", *(f"facial.house.{folder}" for folder in inside)],
    package_dir={"facial": "facial", "facial.house": "."},
    package_data={"facial.house": ["app.ini"]} | {f"facial.house.{folder}": ["*"] for folder in inside},
    include_package_data=False,
)
