"""What is written with Python's operators is what ONNX Runtime computes."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from preprocessor.graphs.expression import (
    Expression,
    Gathered,
    concatenated,
    counted,
    maximum,
    minimum,
    stacked,
    where,
)
from preprocessor.graphs.loop import Turn, loop, scan
from test.preprocessor.graph_parts import part


def computed(build: Callable[..., Expression], *values: np.ndarray) -> np.ndarray:
    """What a graph gives for some values of its inputs."""
    inputs = {f"input_{index}": value for index, value in enumerate(values)}
    session = part(lambda *given: [build(*given)], **{name: value.dtype for name, value in inputs.items()})
    return np.asarray(session.run(None, inputs)[0])


A, B = np.array([3.0, -2.5, 7.0]), np.array([0.5, 4.0, -1.0])


@pytest.mark.parametrize(
    "formula",
    [
        lambda a, b: a + b - 1,
        lambda a, b: 2 - a * b,
        lambda a, b: 1 / (a + 0.25) + (-b) / 3,
        lambda a, b: (a > b) & (a >= 3.0) | (b < -0.5) | (b <= -1.0),
        lambda a, b: (0.5 * a + [1, 2, 3]) * b,
        lambda a, b: (a @ b - a) @ np.arange(6.0).reshape(3, 2),
    ],
)
def test_formulas(formula):
    found = computed(formula, A, B)
    expected = formula(A, B)
    assert found.dtype == expected.dtype and np.allclose(found, expected, rtol=1e-15)


def test_types_follow_the_values():
    assert computed(lambda a: a.to(np.int64) / 2, A).tolist() == [1, -1, 3]  # cut off, as in C
    assert computed(lambda a: a.to(np.float32) + 0.1, A).dtype == np.float32


def test_places_and_parts():
    table = np.arange(12.0).reshape(3, 4)
    assert computed(lambda t: t.take(1), table).tolist() == table[1].tolist()
    assert computed(lambda t: t.take([2, 0], axis=1), table).tolist() == table[:, [2, 0]].tolist()
    assert computed(lambda t: t.part([1], [3], 1), table).tolist() == table[:, 1:3].tolist()
    assert computed(lambda t: t.sum(1), table).tolist() == table.sum(axis=1).tolist()
    assert computed(lambda t: t.sum(1, keepdims=True), table).tolist() == table.sum(axis=1, keepdims=True).tolist()
    assert computed(lambda t: t.sum(), table) == table.sum()
    assert computed(lambda t: t.reshaped(-1, 2).shape(), table).tolist() == [6, 2]
    assert computed(lambda t: t.shape(1), table).tolist() == [4]


def test_choices_and_joins():
    assert computed(lambda a, b: where(a > b, a, 0), A, B).tolist() == np.where(A > B, A, 0).tolist()
    assert computed(lambda a, b: maximum(minimum(a, b), -1.0), A, B).tolist() == [0.5, -1.0, -1.0]
    assert computed(lambda a, b: concatenated([a, (9,), b]), A, B).tolist() == [*A, 9, *B]
    assert computed(lambda a, b: stacked([a, b], axis=1), A, B).tolist() == np.stack([A, B], axis=1).tolist()
    assert computed(lambda a: counted(a.shape()), A).tolist() == [0, 1, 2]


def test_the_largest_and_their_places():
    def largest(which: int) -> np.ndarray:
        return computed(lambda a, count: a.largest(count)[which], A, np.array([2]))

    assert largest(0).tolist() == [7.0, 3.0]
    assert largest(1).tolist() == [2, 0]


def test_an_input_may_be_left_out():
    assert computed(lambda a: a.apply("Clip", None, 1.0), A).tolist() == [1.0, -2.5, 1.0]


def fibonacci(turns: Expression) -> list[Expression]:
    def body(number: Expression, before: Expression, last: Expression) -> Turn:
        return Turn([last, before + last], [(last + number * 0, ())])

    zero = turns * 0
    return loop(turns.builder, body, [zero, zero + 1], turns)


@given(st.integers(0, 30))
def test_a_loop_keeps_a_state_and_collects(turns):
    expected = [0, 1]
    for _ in range(turns):
        expected.append(expected[-1] + expected[-2])
    given_turns = np.array(turns)
    assert computed(lambda n: fibonacci(n)[0], given_turns) == expected[turns]
    assert computed(lambda n: fibonacci(n)[2], given_turns).tolist() == expected[1 : turns + 1]


@pytest.mark.parametrize(("start", "halvings"), [(100.0, 7), (1.0, 0)])
def test_a_loop_ends_when_it_should(start, halvings):
    def count(value: Expression) -> Expression:
        def body(_: Expression, value: Expression, count: Expression) -> Turn:
            return Turn([value / 2, count + 1], going=value / 2 > 1.0)

        return loop(value.builder, body, [value, value * 0], going=value > 1.0)[1]

    assert computed(count, np.array(start)) == halvings


def test_a_loop_inside_a_loop_sees_what_is_around_it():
    def outer(a: Expression) -> Expression:
        def row(number: Expression) -> Turn:
            def column(_: Expression, total: Expression) -> Turn:
                return Turn([total + a.take(number)])

            (total,) = loop(number.builder, column, [a.take(0) * 0], a.shape().reshaped())
            return Turn(collected=[(total, ())])

        return loop(a.builder, row, trips=a.shape().reshaped())[0]

    assert computed(outer, A).tolist() == (3 * A).tolist()


def test_a_loop_may_give_a_value_from_around_it():
    def twice(a: Expression) -> Expression:
        return loop(a.builder, lambda _: Turn(collected=[(a, (3,))]), trips=a.shape().reshaped() - 1)[0]

    assert computed(twice, A).tolist() == [A.tolist()] * 2


def test_a_scan_goes_through_tables():
    def horner(x: Expression, coefficients: Expression) -> Expression:
        return scan(x.builder, lambda total, c: total * x + c, x * 0, (), [coefficients])

    assert computed(horner, np.array(2.0), np.array([1.0, 0.0, 3.0])) == 7


@pytest.mark.parametrize("sizes", [(1,), (2, 1, 3)])
def test_a_sequence_takes_values_of_different_sizes(sizes: Sequence[int]):
    def backwards(lengths: Expression) -> Expression:
        def body(number: Expression, gathered: Gathered) -> Turn:
            return Turn([gathered.insert(counted(lengths.take(number).reshaped(1)), number * 0)])

        empty = Gathered.empty(lengths.builder, np.int64)
        (gathered,) = loop(lengths.builder, body, [empty], lengths.shape().reshaped())
        assert isinstance(gathered, Gathered)
        return gathered.joined(axis=0)

    expected = [value for size in reversed(sizes) for value in range(size)]
    assert computed(backwards, np.array(sizes)).tolist() == expected
