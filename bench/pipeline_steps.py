"""What each step of the face pipeline takes, and how much of the processor's peak the encoder reaches."""

from collections.abc import Sequence
from statistics import median

from bench.harness import Result, progress, timed
from bench.peak import convolution_operations, operations_per_second
from constants.faces import CHIP_SIDE, DETECTION_SIDE
from constants.settings import Settings
from preprocessor.alignment import Aligner
from preprocessor.decoding import Photo
from preprocessor.face_pipeline import graphs_folder, make_detectors
from preprocessor.onnx_encoder import OnnxEncoder
from preprocessor.types import Pixels
from preprocessor.views import ViewsEncoder

#: How often products of matrices are tried, the fastest of which is taken as the core's peak.
_TRIALS = 10


def steps(settings: Settings, pictures: Sequence[bytes]) -> dict[str, float]:
    """Median milliseconds of each step, and the encoder's share of a core's peak, 0 to 1.

    A picture is decoded, and searched for every face and for one person's; of those the first is cut out and encoded.
    """
    detectors, aligner = make_detectors(settings), Aligner()
    inner = OnnxEncoder(graphs_folder(settings))
    encoder = ViewsEncoder(inner, settings.views)
    took: dict[str, list[float]] = {}

    def measured(step: str, seconds_and_result: tuple[float, Result]) -> Result:
        took.setdefault(step, []).append(seconds_and_result[0])
        return seconds_and_result[1]

    for data in progress(pictures, "steps"):
        working: Pixels = measured("decode", timed(lambda data: Photo(data).within(DETECTION_SIDE), data))
        measured("find_every", timed(detectors.every.detect, working))
        for face in measured("find_own", timed(detectors.own.detect, working))[:1]:
            chip = measured("cut_out", timed(aligner.align, working, face)).chip
            measured("encode", timed(encoder.encode, chip[None]))
    figures = {f"ms_{step}": 1000 * median(seconds[1:]) for step, seconds in took.items()}
    (graph,) = graphs_folder(settings).glob("encoder*.onnx")
    operations = convolution_operations(graph, chips=(settings.views, CHIP_SIDE, CHIP_SIDE, 3))
    peak = max(operations_per_second() for _ in range(_TRIALS))
    return figures | {"share_of_peak_encode": operations / min(took["encode"]) / peak}
