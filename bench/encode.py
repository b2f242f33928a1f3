"""Encodings of aligned faces: ONNX Runtime against dlib, one thread each."""

import statistics
import tempfile
from pathlib import Path

import numpy as np

from bench.harness import arguments, first_pictures, progress, report, speedup, timed
from bench.peak import convolution_operations, operations_per_second
from preprocessor.alignment import Aligner
from preprocessor.decoding import Photo
from preprocessor.dlib_encoder import DlibEncoder
from preprocessor.onnx_encoder import BATCH, OnnxEncoder
from preprocessor.types import Box, DetectedFace, Pixels

#: Faces, a multiple of a batch; a short run takes a tenth.
FACES, QUICK_FACES = 240, 24
#: How often products of matrices are tried, the fastest of which is taken as the core's peak.
TRIALS = 30
#: Where the face stands in a picture, as shares of its sides: so it is in LFW, where it is centred.
FACE = Box(0.29, 0.29, 0.71, 0.71)


def main() -> None:
    options = arguments(__doc__)
    files = first_pictures(options.dataset, QUICK_FACES if options.quick else FACES)
    chips = _chips(files)
    reference = DlibEncoder()
    theirs, ours, differences = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        encoder = OnnxEncoder(Path(folder))
        encoder.encode(chips[:BATCH]), reference.encode(chips[:1])
        for start in progress(range(0, len(chips), BATCH), "encoding"):
            batch = chips[start : start + BATCH]
            seconds, expected = timed(reference.encode, batch)
            theirs.append(seconds / len(batch))
            seconds, found = timed(encoder.encode, batch)
            ours.append(seconds / len(batch))
            differences.append(np.abs(expected - found).max())
        # Apart from the batches, whose caches the matrices would empty.
        peak = max(operations_per_second() for _ in progress(range(TRIALS), "multiplying matrices"))
        (graph,) = Path(folder).glob("*.onnx")
        operations = convolution_operations(graph, chips=chips[:1].shape)
    figures = {
        "speedup_vs_dlib": speedup(theirs, ours),
        "ms_per_face": 1000 * statistics.median(ours),
        "max_abs_difference": float(max(differences)),
        # The best of both over the run: a peak is what is reached when nothing is in the way.
        "share_of_peak": operations / min(ours) / peak,
    }
    report("encode", figures, {"faces": len(chips)})


def _chips(files: list[Path]) -> Pixels:
    aligner = Aligner()
    chips = []
    for file in progress(files, "aligning"):
        pixels = Photo(file.read_bytes()).pixels(1.0)
        box = FACE.scaled(pixels.shape[1], pixels.shape[0])
        chips.append(aligner.align(pixels, DetectedFace(box, 1.0)).chip)
    return np.stack(chips)


if __name__ == "__main__":
    main()
