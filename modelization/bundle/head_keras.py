"""The head as files of Keras and TensorFlow Lite, and what such a file says of encodings."""

import contextlib
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from constants.faces import ENCODING_SIZE

_Floats = npt.NDArray[np.float32]


def keras_file(model: keras.Model) -> bytes:
    """A model in Keras' own format."""
    with tempfile.TemporaryDirectory() as folder, _without_numpys_warning():
        path = Path(folder) / "head.keras"
        model.save(path)
        return path.read_bytes()


def tflite_file(model: keras.Model) -> bytes:
    """A model for TensorFlow Lite, for any number of encodings at once; its own operators are all it needs."""
    kept = tf.Module()
    kept.weights = [variable.value for variable in model.variables]
    encodings = tf.TensorSpec((None, ENCODING_SIZE), tf.float32, "encodings")
    recognize = tf.function(lambda encodings: model(encodings, training=False), input_signature=[encodings])
    # Of the function, and not of the model, which would be traced several times on the way.
    converter = tf.lite.TFLiteConverter.from_concrete_functions([recognize.get_concrete_function()], kept)
    return bytes(converter.convert())


def ask_keras(file: bytes, encodings: _Floats) -> _Floats:
    """The confidences of encodings by a Keras file, loaded as anybody would: without any code of this project."""
    with tempfile.TemporaryDirectory() as folder, _without_numpys_warning():
        path = Path(folder) / "head.keras"
        path.write_bytes(file)
        model = keras.saving.load_model(path, compile=False, safe_mode=True)
    return np.asarray(model(encodings, training=False)["confidence"], np.float32)


def ask_tflite(file: bytes, encodings: _Floats) -> _Floats:
    """The confidences of encodings by a TensorFlow Lite file."""
    with warnings.catch_warnings():
        # TensorFlow's interpreter is to move to a package of its own.
        warnings.filterwarnings("ignore", r"\s*Warning: tf.lite.Interpreter is deprecated", UserWarning)
        # Its own kernels say the same as the ones it would hand over to, which announce themselves on standard error.
        plain = tf.lite.experimental.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
        interpreter = tf.lite.Interpreter(model_content=file, experimental_op_resolver_type=plain)
    found = interpreter.get_signature_runner()(encodings=encodings)
    return np.asarray(found["confidence"], np.float32)


@contextlib.contextmanager
def _without_numpys_warning() -> Iterator[None]:
    """Keras hands its variables to numpy without the copy argument that numpy 2 asks for."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "__array__ implementation", DeprecationWarning)
        yield
