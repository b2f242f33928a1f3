"""Products of matrices in float32 that are right far beyond its last bit, from layers that every Keras has.

A confidence must be the same to 1e-5 wherever it is computed, and a cosine weighs up to 221 in its logit: the last bits
of float32, which depend on the order of a sum, are worth more than that. TensorFlow Lite has no doubles. So a number is
split into a coarse part on a fixed grid and the fine rest. Products of coarse parts, and their sums, have few enough
bits to be exact in any order (Ozaki et al., "Error-free transformations of matrix multiplication", 2012); the rest is a
thousand times smaller, and so are its errors.
"""

from typing import NamedTuple

import keras
import numpy as np
import numpy.typing as npt

#: Bits of a coarse part after the point. Two of them have a product with 22, and a sum up to 4 still fits float32's 24.
_COARSE_BITS = 11

_Floats = npt.NDArray[np.floating]


class Split(NamedTuple):
    """A value as ``coarse + fine``, Keras tensors of one shape; the coarse part is exact."""

    coarse: keras.KerasTensor
    fine: keras.KerasTensor

    @property
    def value(self) -> keras.KerasTensor:
        """Both together, as exact as a float32 is."""
        return self.coarse + self.fine

    def minus(self, other: "Split") -> keras.KerasTensor:
        """The difference of two values, which may be much smaller than they are."""
        return (self.coarse - other.coarse) + (self.fine - other.fine)


def split(value: keras.KerasTensor) -> Split:
    """A tensor of numbers that are hardly above one."""
    grid = 2.0**_COARSE_BITS
    coarse = keras.ops.round(value * grid) / grid
    return Split(coarse, value - coarse)


def square(value: Split) -> Split:
    """The squared length of each row, (n, 1)."""
    whole = value.coarse + value.value
    return Split(
        keras.ops.sum(value.coarse * value.coarse, axis=1, keepdims=True),
        keras.ops.sum(whole * value.fine, axis=1, keepdims=True),
    )


def product(value: Split, table: _Floats, bias: _Floats | float, name: str) -> Split:
    """``value @ table + bias`` as two layers, of rows (n, m) not longer than 2 and a table (m, k)."""
    longest = float(np.linalg.norm(table, axis=0).max())
    scale = 2.0 ** np.ceil(np.log2(max(longest, 2.0**-24)))
    coarse_table, coarse_bias = _on_grid(table, scale), _on_grid(np.broadcast_to(bias, table.shape[1:]), scale)
    coarse = fixed_layer(coarse_table, coarse_bias, name)
    rest = fixed_layer(np.concatenate([table - coarse_table, table]), bias - coarse_bias, f"{name}_rest")
    return Split(coarse(value.coarse), rest(keras.ops.concatenate([value.coarse, value.fine], axis=1)))


def fixed_layer(table: _Floats, bias: _Floats | None, name: str) -> keras.layers.Dense:
    """A layer without activation that is not trained: ``table`` (m, k) and ``bias`` (k,)."""
    layer = keras.layers.Dense(table.shape[1], use_bias=bias is not None, trainable=False, name=name)
    layer.build((None, table.shape[0]))
    layer.set_weights([np.asarray(values, np.float32) for values in (table, bias) if values is not None])
    return layer


def _on_grid(numbers: _Floats, scale: float) -> _Floats:
    grid = 2.0**_COARSE_BITS / scale
    return np.asarray(np.round(numbers * grid) / grid)
