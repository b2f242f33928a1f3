"""Where the service's own folders are: beside this one in a checkout, within it where the package is installed."""

from pathlib import Path

#: The folder of ``app``, ``jobs`` and the others, which import each other by these names. An installed package keeps
#: them in a folder of its own, that only its own processes search: nobody's environment gets a module called ``app``.
HOUSE = next(
    folder for folder in (Path(__file__).parent / "house", Path(__file__).parents[1]) if (folder / "run.py").is_file()
)
