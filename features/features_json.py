"""The features of a picture as JSON, from one process to another; numbers stay what they are to the last bit."""

from typing import Any

import numpy as np

from features.store import FaceFeatures, ImageFeatures, QualityFeatures


def to_json(image: ImageFeatures) -> dict[str, Any]:
    """A picture's features as JSON has them."""
    return {
        "width": image.width,
        "height": image.height,
        "every_face": image.every_face,
        "first_of_several": image.first_of_several,
        "faces": [
            {
                "box": list(map(float, face.box)),
                "score": float(face.score),
                "landmarks": np.asarray(face.landmarks, np.float64).tolist(),
                "encoding": np.asarray(face.encoding, np.float64).tolist(),
                "quality": list(map(float, face.quality)) if face.quality else None,
                "index": face.index,
            }
            for face in image.faces
        ],
    }


def from_json(written: dict[str, Any]) -> ImageFeatures:
    """The features that ``to_json`` wrote."""
    return ImageFeatures(
        written["width"],
        written["height"],
        tuple(
            FaceFeatures(
                tuple(face["box"]),
                face["score"],
                np.array(face["landmarks"], np.float32),
                np.array(face["encoding"], np.float32),
                QualityFeatures(*face["quality"]) if face["quality"] else None,
                face["index"],
            )
            for face in written["faces"]
        ),
        written["every_face"],
        written["first_of_several"],
    )
