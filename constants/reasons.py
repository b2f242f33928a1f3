"""Why a file was not used: one code each, and the sentence a person reads."""

from enum import StrEnum


class Reason(StrEnum):
    """Reason codes of ``/v1/recognizers/{id}/images``."""

    EMPTY_FILE = "EMPTY_FILE"
    NOT_AN_IMAGE = "NOT_AN_IMAGE"
    DAMAGED_IMAGE = "DAMAGED_IMAGE"
    TOO_MANY_PIXELS = "TOO_MANY_PIXELS"
    TOO_SMALL = "TOO_SMALL"
    NO_FACE = "NO_FACE"
    NO_LABEL = "NO_LABEL"
    DUPLICATE = "DUPLICATE"
    TOO_FEW_FACES = "TOO_FEW_FACES"
    SEVERAL_LABELS = "SEVERAL_LABELS"
    UNPROCESSABLE = "UNPROCESSABLE"

    @property
    def message(self) -> str:
        """The sentence for a person: what is wrong, and what to do."""
        return _MESSAGES[self]


_MESSAGES = {
    Reason.EMPTY_FILE: "The file has no content; send it again.",
    Reason.NOT_AN_IMAGE: "This is not a picture that can be read; send JPEG, PNG or WebP.",
    Reason.DAMAGED_IMAGE: "The picture is damaged or cut off; export or copy it again.",
    Reason.TOO_MANY_PIXELS: "The picture has more pixels than this service takes; send it smaller.",
    Reason.TOO_SMALL: "The picture is too small to hold a usable face; send a larger one.",
    Reason.NO_FACE: "No face was found; send a picture in which the face is larger or turned to the camera.",
    Reason.NO_LABEL: "Other pictures say who they show, this one does not; put it in a folder named after the person.",
    Reason.DUPLICATE: "The same picture was sent twice for this person; it counts once.",
    Reason.TOO_FEW_FACES: "This face resembles no other one that was sent; send at least two pictures of a person.",
    Reason.SEVERAL_LABELS: "The same picture was sent for different people; send it for one of them.",
    Reason.UNPROCESSABLE: "Working on this picture failed repeatedly; leave it out or convert it.",
}
