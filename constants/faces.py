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
#: Pixels of a face's box in the picture that its landmarks and chip are taken from, where the photo has
#: as many. The chip needs 100, but dlib's landmarks are whole pixels and jump on turned faces when a few pixels
#: change: from half the pixels one encoding in twenty moves by over 0.05, even for faces of 1600 pixels.
#: So only photos far above 12 megapixels are reduced, to save memory.
CHIP_SOURCE_FACE_SIDE = 1600
#: Pixels; a picture with a shorter side than this cannot hold a face that any detector finds.
MIN_IMAGE_SIDE = 32
#: Megapixels; 100 is above every phone's largest photo and below what would exhaust a worker.
MAX_IMAGE_MEGAPIXELS = 100
#: Degrees by which a chip is turned either way for the further views of ``views=6``.
VIEW_ROTATION = 6.0
