"""Tunables of the face pipeline."""

#: Pixels; side of the aligned chip that dlib's encoder was trained on.
CHIP_SIDE = 150
#: Share of the face added on every side of the chip; dlib's encoder was trained with 0.25.
CHIP_PADDING = 0.25
#: Numbers in an encoding.
ENCODING_SIZE = 128
#: Pixels; the longest side of the picture that the detector sees. A face of a fifteenth of a
#: photo's longer side still has the 80 pixels that HOG needs, and detection stays below 0.1 s.
DETECTION_SIDE = 1200
#: Degrees by which a chip is turned either way for the further views of ``views=6``.
VIEW_ROTATION = 6.0
