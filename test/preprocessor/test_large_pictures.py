"""Pictures of a hundred megapixels, each in a process of its own, whose memory is then known."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from preprocessor.face_pipeline import prepare_graphs

pytestmark = pytest.mark.thorough

ROOT = Path(__file__).parents[2]
#: Bytes that a worker may have in memory for a picture.
MOST = 1 << 30
SIDE = 10_000

_WORK = """
import sys
from pathlib import Path
from constants.settings import Settings
from jobs.work import stages
found = stages.encode([Path(sys.argv[1])], Settings(data_dir=Path(sys.argv[2])))
# Not getrusage's, which begins with what the parent had.
(most,) = [line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")]
print(type(found[0]).__name__, 1024 * int(most))
"""


@pytest.mark.parametrize("kind", ["png-16", "png-rgba", "jpeg-turned"])
def test_a_picture_of_a_hundred_megapixels_takes_a_gigabyte_at_most(tmp_path, service_settings, kind):
    path = tmp_path / kind
    if kind == "png-16":
        Image.fromarray(np.full((SIDE, SIDE), 40_000, np.uint16)).save(path, "PNG")
        assert path.stat().st_size < 400_000
    elif kind == "png-rgba":
        Image.new("RGBA", (SIDE, SIDE), (90, 80, 70, 60)).save(path, "PNG")
    else:
        exif = Image.Exif()
        exif[274] = 6
        Image.new("RGB", (SIDE, SIDE - 100), (90, 80, 70)).save(path, "JPEG", exif=exif)
    prepare_graphs(service_settings)  # which takes memory once
    command = [sys.executable, "-c", _WORK, str(path), str(service_settings.data_dir)]
    printed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    assert printed[0] == "ImageFeatures", printed
    assert int(printed[1]) <= MOST
