"""The face pipeline: a picture's bytes in; boxes, landmarks, chips and 128-d encodings out."""

import os

# Before anything loads ONNX Runtime: releases of it since 2026 else tell Microsoft of every process that loads it, its
# command and its machine, of every model and every error. Nobody who uses this project has agreed to that.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
