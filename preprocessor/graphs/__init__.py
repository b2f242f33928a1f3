"""dlib's networks and steps as ONNX graphs."""
