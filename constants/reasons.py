"""Why a file was not used, or a face not named: one code each, and the sentence a person reads."""

from enum import StrEnum


class Reason(StrEnum):
    """Reason codes of files in ``/v1/recognizers/{id}/images``, and of files and faces in ``/recognize``."""

    EMPTY_FILE = "EMPTY_FILE"
    NOT_AN_IMAGE = "NOT_AN_IMAGE"
    DAMAGED_IMAGE = "DAMAGED_IMAGE"
    DAMAGED_VIDEO = "DAMAGED_VIDEO"
    DAMAGED_ARCHIVE = "DAMAGED_ARCHIVE"
    OTHER_ARCHIVE = "OTHER_ARCHIVE"
    TOO_MANY_PIXELS = "TOO_MANY_PIXELS"
    TOO_SMALL = "TOO_SMALL"
    NO_FACE = "NO_FACE"
    DUPLICATE = "DUPLICATE"
    TOO_FEW_FACES = "TOO_FEW_FACES"
    NO_FACE_FOR_LABEL = "NO_FACE_FOR_LABEL"
    SUSPECT_LABEL = "SUSPECT_LABEL"
    ENOUGH_FRAMES = "ENOUGH_FRAMES"
    UNPROCESSABLE = "UNPROCESSABLE"
    LEFT_OUT = "LEFT_OUT"

    SMALL_BOUNDING_BOX = "SMALL_BOUNDING_BOX"
    LOW_SHARPNESS = "LOW_SHARPNESS"
    LOW_BRIGHTNESS = "LOW_BRIGHTNESS"
    EXTREME_POSE = "EXTREME_POSE"
    EXCEEDS_MAX_FACES = "EXCEEDS_MAX_FACES"
    LOW_CONFIDENCE = "LOW_CONFIDENCE"

    @property
    def message(self) -> str:
        """The sentence for a person: what is wrong, and what to do."""
        return _MESSAGES[self]


_MESSAGES = {
    Reason.EMPTY_FILE: "The file has no content; send it again.",
    Reason.NOT_AN_IMAGE: "This is not a picture that can be read; send JPEG, PNG, HEIC or WebP.",
    Reason.DAMAGED_IMAGE: "The picture is damaged or cut off; export or copy it again.",
    Reason.DAMAGED_VIDEO: (
        "The video is damaged, or its end is missing, where MP4 says where its frames are; export or copy it again."
    ),
    Reason.DAMAGED_ARCHIVE: "The archive is damaged or cut off; what came before that was taken. Send the rest again.",
    Reason.OTHER_ARCHIVE: "This is an archive that is not unpacked; send its pictures, or one .zip or .tar.gz of them.",
    Reason.TOO_MANY_PIXELS: "The picture has more pixels than this service takes; send it smaller.",
    Reason.TOO_SMALL: "The picture is too small to hold a usable face; send a larger one.",
    Reason.NO_FACE: "No face was found; send a picture in which the face is larger or turned to the camera.",
    Reason.DUPLICATE: "The same picture was sent twice for this person; it counts once.",
    Reason.TOO_FEW_FACES: "This face resembles no other one that was sent; send at least two pictures of a person.",
    Reason.NO_FACE_FOR_LABEL: (
        "No face in this picture was left for this person; send another picture, or say which face it is with a box."
    ),
    Reason.SUSPECT_LABEL: "The face is probably not this person's, and was left out as you asked; look at the label.",
    Reason.ENOUGH_FRAMES: "Other frames of this video show the same; nothing more would be learnt from this one.",
    Reason.UNPROCESSABLE: "Working on this picture failed repeatedly; leave it out or convert it.",
    Reason.LEFT_OUT: "Its faces were left out, as you asked; send it again to have it back.",
    Reason.SMALL_BOUNDING_BOX: "The face is too small to be judged; send a larger picture, or one taken from nearer.",
    Reason.LOW_SHARPNESS: "The face is too blurred to be judged; send a sharper picture.",
    Reason.LOW_BRIGHTNESS: "The face is too dark, or too bright, to be judged; send a picture taken in better light.",
    Reason.EXTREME_POSE: "The face is turned too far to be judged; send a picture in which it looks at the camera.",
    Reason.EXCEEDS_MAX_FACES: "Larger faces of this picture were judged, and there were enough; send a part of it.",
    Reason.LOW_CONFIDENCE: "The face resembles nobody well enough; it is a stranger's, or send a clearer picture.",
}
