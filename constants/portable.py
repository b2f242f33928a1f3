"""Tunables of the one-file recognizer and of the proof that it is the service's own pipeline."""

#: The file in a bundle that takes a photo and gives names.
PHOTO_ONNX = "recognizer.onnx"
#: Pixels of the picture that the detector sees; largest difference of a box's edge.
PARITY_BOX_PIXELS = 1.0
#: Pixels of the photo; largest difference of a landmark. Landmarks are whole pixels: so they are the same.
PARITY_LANDMARK_PIXELS = 0.5
#: Largest Euclidean distance of two encodings of a face; a twentieth of the distance between two pictures of
#: a person. Over 985 faces it was 0.0010 at the most, from chips whose grey values differ by one here and there.
PARITY_ENCODING_DISTANCE = 0.02
#: Largest difference of a confidence between a name and none: a face whose confidence is this near to the threshold
#: may be named by one side and not by the other. Over 267 faces confidences were up to 0.0016 apart.
PARITY_CONFIDENCE = 0.01
#: Pictures of a build that a proof takes: enough for every kind of face, few enough for a second or two.
PARITY_PICTURES = 12
