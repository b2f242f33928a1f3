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
#: Pictures of a person that are usual in a heap of pictures without names: how likely two of its faces are one
#: person's beforehand. Among 30 to 6,000 faces of other people, 10 to 30 give groups of nearly the same quality.
USUAL_PICTURES = 20
#: Radians between two faces below which they are of copies of one picture. Of 120 pictures, copies that were doubled,
#: reduced to 0.6, cropped or mirrored were nearer in 93 to 100 of 100 cases, those saved anew at JPEG quality 50 in
#: 88; of two different pictures of one person one pair in 10,000 is.
NEAR_DUPLICATE_ANGLE = 0.10
#: Faces below which a person is said to have few: with three, the figures of an open set are taken.
FEW_PICTURES = 3
#: Seconds between two frames that are taken from a video: people move, and what they show changes, in about that.
VIDEO_INTERVAL_S = 0.5
#: Frames looked at for each one that is taken, the sharpest of them.
VIDEO_CANDIDATES = 4
#: Frames taken from a video at most; from a longer one at longer intervals.
MAX_VIDEO_FRAMES = 120
#: Megapixels of a video that are decoded at most, two and a half minutes of full HD at 30 frames a second: bounded by
#: work and not by time, so that the same file always gives the same frames. What comes later is not seen.
MAX_VIDEO_MEGAPIXELS = 9000
#: Megapixels that a frame counts as at least, for what each costs however small it is.
LEAST_VIDEO_FRAME = 0.25
#: Pixels; longest side of a frame as it is kept: that of a full HD video, and enough for any face that moves.
VIDEO_SIDE = 1920
#: Share of the usual sharpness of a video's frames below which one is blurred.
VIDEO_BLURRED = 0.3
#: Levels of a colour; largest difference to the frame before, both seen at 32 x 32 pixels, below which nothing has
#: happened. In a still scene with a camera's noise, saved as MPEG-4 or VP8, it was 6 at most; a head that turns a
#: little gave 61.
VIDEO_STILL = 12
#: Faces of one person kept of a video: more of the same scene teach nothing that 20 do not.
MAX_VIDEO_FACES = 20
