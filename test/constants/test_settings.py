"""Settings, and that the README lists them all."""

import re
from pathlib import Path

import pytest

from constants.exceptions import InvalidSettings
from constants.settings import Settings, load_settings

README = Path(__file__).parents[2] / "README.md"


def test_every_setting_stands_in_the_readme_and_no_other():
    listed = set(re.findall(r"^\| `FACIAL_([A-Z_]+)` \|", README.read_text(), re.MULTILINE))
    assert listed == {name.upper() for name in Settings.model_fields}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "web"),
        ("PORT", "70000"),
        ("ENCODE_WORKERS", "0"),
        ("DETECTOR", "guess"),
        ("VIEWS", "3"),
        ("VIEWS", "x"),
        ("HOSTS", "faces.example.org,http://faces.example.org"),
        ("CORS_ORIGINS", "*"),
        ("CORS_ORIGINS", "https://faces.example.org/"),
        ("CLUSTER", "scheduler:8786"),
        ("CLUSTER", "tcp://scheduler"),
        ("CLUSTER", "http://scheduler:8786"),
    ],
)
def test_a_malformed_setting_is_named(monkeypatch, name, value):
    monkeypatch.setenv(f"FACIAL_{name}", value)
    with pytest.raises(InvalidSettings, match=f"'FACIAL_{name}' is wrong: "):
        load_settings()


def test_a_misspelt_setting_is_named_with_the_one_that_was_meant(monkeypatch):
    monkeypatch.setenv("FACIAL_ENCODE_WORKER", "2")
    with pytest.raises(InvalidSettings, match="'FACIAL_ENCODE_WORKER'; did you mean 'FACIAL_ENCODE_WORKERS'"):
        load_settings()


def test_settings_come_from_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("FACIAL_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("FACIAL_VIEWS", "6")
    monkeypatch.setenv("FACIAL_CLUSTER", "tls://[::1]:8786")
    monkeypatch.setenv("FACIAL_HOSTS", "Faces.example.org, .inside.example.org,[FD00::0:1]")
    settings = load_settings()
    assert (settings.data_dir, settings.views, settings.cluster) == (tmp_path, 6, "tls://[::1]:8786")
    assert settings.hosts == ("faces.example.org", ".inside.example.org", "fd00::1")
    assert settings.database == f"sqlite:///{tmp_path}/facial.sqlite"
