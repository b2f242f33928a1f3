"""dlib's published files, read."""
