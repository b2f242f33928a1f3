"""Loops inside an ONNX graph."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from preprocessor.graphs.builder import GraphBuilder
from preprocessor.graphs.expression import Expression, constant


@dataclass(frozen=True)
class Turn:
    """What one turn of a loop gives: the state for the next one, and values to collect with the shape of each.

    Where there is ``going``, bool of shape (), the loop ends after a turn in which it is false.
    """

    state: Sequence[Expression] = ()
    collected: Sequence[tuple[Expression, Sequence[int]]] = ()
    going: Expression | None = None


def loop(
    builder: GraphBuilder,
    body: Callable[..., Turn],
    state: Sequence[Expression] = (),
    trips: Expression | None = None,
    going: Expression | None = None,
) -> list[Expression]:
    """The last state, and what was collected, along a new first axis.

    ``body`` gets the number of the turn, int64 of shape (), and the state. There are at most ``trips``
    turns, int64 of shape (), and none where ``going``, bool of shape (), is false.
    """
    inner = builder.body()
    number = Expression.input(inner, inner.named("turn"), np.int64, ())
    before = Expression.input(inner, inner.named("going"), bool, ())
    given = (type(value).input(inner, inner.named(f"state_{n}"), value.dtype) for n, value in enumerate(state))
    turn = body(number, *given)
    results = [(turn.going or before, ()), *((value, None) for value in turn.state), *turn.collected]
    for index, (value, shape) in enumerate(results):
        value.output(inner.named(f"result_{index}"), shape, inner)
    graph = inner.graph(inner.named("body"))
    limits = ("" if trips is None else trips.name, (going or constant(builder, True, bool)).name)
    names = builder.nodes("Loop", len(results) - 1, *limits, *(value.name for value in state), body=graph)
    return [type(value)(builder, name, value.dtype) for name, (value, _) in zip(names, results[1:], strict=True)]


def scan(
    builder: GraphBuilder,
    body: Callable[..., Expression],
    state: Expression,
    shape: Sequence[int],
    tables: Sequence[Expression],
) -> Expression:
    """The last state, of ``shape``, after a turn for every row of some tables.

    ``body`` gets the state and a row of each table.
    """
    inner = builder.body()
    before = Expression.input(inner, inner.named("input_0"), state.dtype, shape)
    rows = [Expression.input(inner, inner.named(f"input_{n}"), table.dtype) for n, table in enumerate(tables, 1)]
    body(before, *rows).output(inner.named("result"), shape, inner)
    graph = inner.graph(inner.named("body"))
    names = (value.name for value in (state, *tables))
    return Expression(builder, builder.node("Scan", *names, body=graph, num_scan_inputs=len(tables)), state.dtype)
