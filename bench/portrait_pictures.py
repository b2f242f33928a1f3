"""Pictures of the portraits that the tests have, each of them another file, and some that cannot be used."""

import io
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from bench.fault_history import Sent
from test.portraits import write_gallery

#: Views of each person that pictures are made of.
VIEWS = 12
#: Bytes after a picture's end that make it another file.
_MARK_BYTES = 12
#: Share of the uploads that have a file which cannot be used beside the good ones.
_SPOILT = 0.4

Files = list[tuple[str, bytes]]


@dataclass(frozen=True)
class Portraits:
    """Views of people as JPEG files, by person."""

    views: Mapping[str, Sequence[bytes]]
    nobody: bytes

    @classmethod
    def make(cls, folder: Path) -> "Portraits":
        """The views of ``test/portraits.py``, which are written to a folder first."""
        write_gallery(folder, VIEWS)
        views = {own.name: [file.read_bytes() for file in sorted(own.iterdir())] for own in sorted(folder.iterdir())}
        buffer = io.BytesIO()
        Image.fromarray(np.full((250, 250, 3), 128, np.uint8)).save(buffer, "JPEG")
        return cls(views, buffer.getvalue())

    def photo(self, person: str, rng: random.Random) -> bytes:
        """A photo of a person that nobody sent before."""
        return rng.choice(self.views[person]) + rng.randbytes(_MARK_BYTES)

    def upload(self, labels: dict[str, str], each: int, rng: random.Random) -> tuple[Files, list[Sent]]:
        """So many pictures of each person under a label of its own, and now and then one that cannot be used."""
        files: Files = []
        sent: list[Sent] = []
        for label, person in labels.items():
            for number, view in enumerate(rng.sample(list(self.views[person]), each)):
                name = f"{label}/{number}.jpg"
                files.append((name, view + rng.randbytes(_MARK_BYTES)))
                sent.append(Sent(name, label))
        if rng.random() < _SPOILT:
            label = rng.choice(list(labels))
            reason, content = rng.choice(self._spoilt(files, rng))
            name = f"{label}/spoilt.jpg"
            if reason == "DUPLICATE":
                label = sent[0].label
                name = f"{label}/spoilt.jpg"
            files.append((name, content))
            sent.append(Sent(name, label, reason))
        return files, sent

    def _spoilt(self, files: Files, rng: random.Random) -> list[tuple[str, bytes]]:
        """Contents that cannot be used, each with the reason that it has to get."""
        _, first = files[0]
        return [
            ("DUPLICATE", first),
            ("NOT_AN_IMAGE", b"no picture at all" + rng.randbytes(_MARK_BYTES)),
            ("DAMAGED_IMAGE", first[: len(first) // 2] + rng.randbytes(_MARK_BYTES)),
            ("NO_FACE", self.nobody + rng.randbytes(_MARK_BYTES)),
        ]
