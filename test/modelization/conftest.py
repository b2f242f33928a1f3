"""A recognizer built once, for the tests that only read it."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from modelization.building import build_recognizer
from modelization.bundle.manifest import Manifest
from modelization.provenance import TrainingOptions
from test.modelization.made_up import PROVENANCE, split


class Built(NamedTuple):
    path: Path
    manifest: Manifest
    probes: np.ndarray
    people: np.ndarray


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    faces, probes, people = split([8] * 8 + [2, 1], 20)
    path = tmp_path_factory.mktemp("bundle") / "recognizer.zip"
    manifest = build_recognizer(faces, TrainingOptions(name="Eight, two & one"), PROVENANCE, path, lambda *_: None)
    return Built(path, manifest, probes, people)
