"""Products in float32 against doubles."""

import keras
import numpy as np
import pytest

from modelization.exact_products import product, split, square

pytestmark = pytest.mark.thorough

ROWS = np.random.default_rng(0).normal(size=(50, 128)).astype(np.float32)
ROWS *= 1.5 / np.linalg.norm(ROWS, axis=1, keepdims=True)


def said(*values: keras.KerasTensor, given: keras.KerasTensor) -> np.ndarray:
    """The sum of values of the rows, with the digits that they have together."""
    return sum(np.asarray(value, np.float64) for value in keras.Model(given, list(values))(ROWS))


@pytest.mark.parametrize("size", [0.01, 1.0, 200.0])
def test_a_product_is_right_far_beyond_a_floats_last_bit(size: float) -> None:
    rng = np.random.default_rng(1)
    table, bias = rng.normal(size=(128, 30)) * size / np.sqrt(128), rng.normal(size=30) * size
    given = keras.Input((128,))
    found = said(*product(split(given), table, bias, "table"), given=given)
    expected = ROWS.astype(np.float64) @ table + bias
    assert np.abs(found - expected).max() < 3e-9 * size
    plain = ROWS @ table.astype(np.float32) + bias.astype(np.float32)
    assert np.abs(plain - expected).max() > 3e-8 * size, "or it would not be worth while"


def test_so_is_a_squared_length() -> None:
    given = keras.Input((128,))
    expected = (ROWS.astype(np.float64) ** 2).sum(axis=1, keepdims=True)
    assert np.abs(said(*square(split(given)), given=given) - expected).max() < 3e-9
