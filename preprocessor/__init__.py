"""The face pipeline: a picture's bytes in; boxes, landmarks, chips and 128-d encodings out."""
