"""The data folder: closed to others, or not used."""

import multiprocessing
import os
import stat
from pathlib import Path

import pytest

from constants.exceptions import InvalidSettings
from jobs.files.private_folder import make_private
from jobs.workplace import Workplace
from test.permitted_skips import NOT_ROOT


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def test_one_that_is_missing_is_made(tmp_path):
    make_private(tmp_path / "deep" / "data")
    assert mode(tmp_path / "deep" / "data") == 0o700


@pytest.mark.parametrize("inside", [(), ("facial.sqlite",), ("images", "lock"), ("lost+found",)])
def test_one_that_others_could_look_into_is_closed(tmp_path, inside):
    data = tmp_path / "data"
    data.mkdir()
    data.chmod(0o755)
    for name in inside:
        (data / name).touch() if "." in name else (data / name).mkdir()
        (data / name).chmod(0o644 if "." in name else 0o755)
    (tmp_path / "elsewhere").mkdir(mode=0o755)
    (data / "graphs").symlink_to(tmp_path / "elsewhere")
    make_private(data)
    assert mode(data) == 0o700
    assert all(mode(data / name) == (0o600 if "." in name else 0o700) for name in inside if name != "lost+found")
    assert mode(tmp_path / "elsewhere") == 0o755


def test_one_that_holds_other_things_is_left_alone(tmp_path):
    (tmp_path / "letters").mkdir()
    tmp_path.chmod(0o755)
    with pytest.raises(InvalidSettings, match="it holds other things"):
        make_private(tmp_path)
    assert mode(tmp_path) == 0o755 and [path.name for path in tmp_path.iterdir()] == ["letters"]
    tmp_path.chmod(0o700)
    make_private(tmp_path)


def test_one_of_somebody_else_is_not_used(tmp_path):
    if os.geteuid() != 0:
        pytest.skip(NOT_ROOT)
    data = tmp_path / "data"
    data.mkdir()
    data.chmod(0o777)
    for parent in (tmp_path, *tmp_path.parents[:3]):  # of a worker among several, too
        parent.chmod(0o755)
    with multiprocessing.get_context("fork").Pool(1, os.setuid, (65534,)) as pool:
        assert pool.apply(refusal, (data,)) == "may not change that"
    assert mode(data) == 0o777


def refusal(data: Path) -> str:
    try:
        make_private(data)
    except InvalidSettings as error:
        return "may not change that" if "may not change that" in str(error) else str(error)
    return ""


def test_a_workplace_is_opened_in_a_closed_folder_alone(service_settings):
    service_settings.data_dir.chmod(0o755)
    Workplace.of(service_settings).database.close()
    assert mode(service_settings.data_dir) == 0o700
