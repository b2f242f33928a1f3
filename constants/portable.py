"""The one-file recognizer in a bundle, and the proof that it is the service's own pipeline."""

#: The file in a bundle that takes a photo and gives names.
PHOTO_ONNX = "recognizer.onnx"
#: Pictures of a build that a proof takes: enough for every kind of face, few enough for a second or two.
PARITY_PICTURES = 12
