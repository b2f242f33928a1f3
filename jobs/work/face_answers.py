"""A face that was found, as JSON: what every answer about a photo says of it."""

from typing import Any

import numpy as np

from constants.exceptions import ImageRejected
from preprocessor.types import EncodedFace, EncodedImage


def found_face(face: EncodedFace, image: EncodedImage) -> dict[str, Any]:
    """Its box, in pixels within the photo, and its landmarks."""
    box = face.detected.box.within(image.width, image.height)
    return {
        "box": {
            "x_min": round(box.left),
            "y_min": round(box.top),
            "x_max": round(box.right),
            "y_max": round(box.bottom),
            "probability": round(face.detected.probability, 4),
        },
        "landmarks": np.round(face.landmarks, 1).tolist(),
    }


def about_photo(image: EncodedImage) -> dict[str, Any]:
    """What is said of a photo before its faces: its sides and, of a file with several, that it is the first."""
    sides: dict[str, Any] = {"width": image.width, "height": image.height}
    return sides | ({"first_of_several": True} if image.first_of_several else {})


def unusable(image: ImageRejected) -> dict[str, Any]:
    """A photo that cannot be used, and why."""
    return {"reason": image.reason, "message": str(image), "faces": []}
