"""What is the machine's fault, and what loads no database for it."""

import errno
import subprocess
import sys
from pathlib import Path

import pytest

from constants.machine_faults import comes_of_system


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EMFILE])
def test_what_the_system_refused_is_found_under_other_errors(number):
    error = ValueError("no picture")
    error.__cause__ = OSError(number, "refused")
    assert comes_of_system(error)


def test_what_is_wrong_with_a_file_is_not():
    assert not comes_of_system(ValueError("no picture"))
    assert not comes_of_system(FileNotFoundError(errno.ENOENT, "gone"))


@pytest.mark.thorough
def test_the_process_that_opens_archives_loads_no_database():
    """It is started for every archive."""
    heavy = {"sqlalchemy", "numpy", "flask", "zmq"}
    program = f"import sys, jobs.intake.sorter; print(sorted({heavy} & set(sys.modules)))"
    root = Path(__file__).parents[2]
    ran = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
