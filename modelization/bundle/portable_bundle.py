"""What lets a bundle be used without the service: the one-file recognizer, and the script and the page that run it."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from constants.settings import Settings
from modelization.bundle.bundle_file import HEAD_ONNX, PHOTO_ONNX, open_bundle, write_bundle
from modelization.bundle.manifest import Manifest
from modelization.bundle.photo_onnx import make_photo_model
from modelization.bundle.photo_proof import PhotoProof
from modelization.bundle.portable_files import portable_files


def add_portable_files(path: Path, settings: Settings, pictures: Sequence[bytes], proof: PhotoProof) -> Manifest:
    """Make the one-file recognizer of the bundle at ``path``, prove it, and put it there with its script and page.

    ``settings`` are those of the recognizer's pipeline, and of the ``proof``; ``pictures`` are some that the build
    kept, which the proof takes besides its own. Returns the manifest with the comparison. Raises ``BuildFailed``
    where the file is not the service's own pipeline; the bundle is then as it was.
    """
    bundle = open_bundle(path)
    head = bundle.files[HEAD_ONNX]
    photo_file = make_photo_model(head, settings)
    parity = proof.prove(photo_file, head, pictures)
    manifest = bundle.manifest.model_copy(update={"photo_parity": asdict(parity)})
    return write_bundle(path, manifest, {**bundle.files, PHOTO_ONNX: photo_file, **portable_files()})
