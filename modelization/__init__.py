"""From encodings of known people to a recognizer in one file, and back."""
