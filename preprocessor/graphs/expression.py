"""Values of an ONNX graph as things that Python computes with: ``a + b`` adds a node that adds."""

from collections.abc import Sequence
from typing import Any, Union

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper

from preprocessor.graphs.builder import GraphBuilder

#: What an operator takes beside an expression: another one, or numbers, which become a constant of its type.
Operand = Union["Expression", npt.ArrayLike]


class Expression:
    """A value called ``name`` of a graph, with numbers of ``dtype``.

    What is computed from several values belongs to the innermost of their graphs.
    """

    # Above numpy's, so that ``array + expression`` comes here.
    __array_priority__ = 1000
    __array_ufunc__ = None

    def __init__(self, builder: GraphBuilder, name: str, dtype: npt.DTypeLike) -> None:
        self.builder = builder
        self.name = name
        self.dtype = np.dtype(dtype)

    def apply(
        self, operator: str, *others: Operand, dtype: npt.DTypeLike | None = None, **attributes: Any
    ) -> "Expression":
        """An operator of this and of others; ``dtype`` is that of the result where it is another."""
        builder = _innermost(self, *others)
        names = (name_of(builder, other, self.dtype) for other in others)
        name = builder.node(operator, self.name, *names, **attributes)
        return Expression(builder, name, self.dtype if dtype is None else dtype)

    def __add__(self, other: Operand) -> "Expression":
        return self.apply("Add", other)

    def __sub__(self, other: Operand) -> "Expression":
        return self.apply("Sub", other)

    def __mul__(self, other: Operand) -> "Expression":
        return self.apply("Mul", other)

    def __truediv__(self, other: Operand) -> "Expression":
        """For integers the quotient without its fraction, as in C."""
        return self.apply("Div", other)

    def __radd__(self, other: npt.ArrayLike) -> "Expression":
        return self._constant(other) + self

    def __rsub__(self, other: npt.ArrayLike) -> "Expression":
        return self._constant(other) - self

    def __rmul__(self, other: npt.ArrayLike) -> "Expression":
        return self._constant(other) * self

    def __rtruediv__(self, other: npt.ArrayLike) -> "Expression":
        return self._constant(other) / self

    def __neg__(self) -> "Expression":
        return self.apply("Neg")

    def __gt__(self, other: Operand) -> "Expression":
        return self.apply("Greater", other, dtype=bool)

    def __ge__(self, other: Operand) -> "Expression":
        return self.apply("GreaterOrEqual", other, dtype=bool)

    def __lt__(self, other: Operand) -> "Expression":
        return self.apply("Less", other, dtype=bool)

    def __le__(self, other: Operand) -> "Expression":
        return self.apply("LessOrEqual", other, dtype=bool)

    def __and__(self, other: Operand) -> "Expression":
        return self.apply("And", other)

    def __or__(self, other: Operand) -> "Expression":
        return self.apply("Or", other)

    def info(self, name: str, shape: Sequence[int] | None = None) -> onnx.ValueInfoProto:
        """The description of an input or output of a graph that takes or gives such a value."""
        return helper.make_tensor_value_info(name, element_type(self.dtype), shape)

    def to(self, dtype: npt.DTypeLike) -> "Expression":
        """The numbers as another type; fractions are cut off where it has none."""
        return self.apply("Cast", dtype=dtype, to=element_type(dtype))

    def take(self, indices: Operand, axis: int = 0) -> "Expression":
        """What stands at some places of an axis; a single index removes the axis."""
        return self.apply("Gather", _indices(self.builder, indices), axis=axis)

    def part(self, start: Operand, stop: Operand, axis: int = 0) -> "Expression":
        """What stands from one place of an axis to before another, both of shape (1,)."""
        return self.apply("Slice", *(_indices(self.builder, limit) for limit in (start, stop, (axis,))))

    def sum(self, *axes: int) -> "Expression":
        """The sum over some axes, or over all without any."""
        over = (Expression(self.builder, self.builder.constant(axes, np.int64), np.int64),) if axes else ()
        return self.apply("ReduceSum", *over, keepdims=0)

    def reshaped(self, *shape: int) -> "Expression":
        return self.apply("Reshape", _indices(self.builder, shape))

    def shape(self, start: int = 0, end: int | None = None) -> "Expression":
        """The sides of some axes, int64 of shape (axes,)."""
        return self.apply("Shape", dtype=np.int64, start=start, **({} if end is None else {"end": end}))

    def _constant(self, values: npt.ArrayLike) -> "Expression":
        return constant(self.builder, values, self.dtype)


class Gathered(Expression):
    """A sequence of values that need not have one shape."""

    @classmethod
    def empty(cls, builder: GraphBuilder, dtype: npt.DTypeLike) -> "Gathered":
        return cls(builder, builder.node("SequenceEmpty", dtype=element_type(dtype)), dtype)

    def insert(self, value: Expression, place: Expression) -> "Gathered":
        """The sequence with another value before the one at ``place``, int64 of shape ()."""
        builder = _innermost(self, value, place)
        return Gathered(builder, builder.node("SequenceInsert", self.name, value.name, place.name), self.dtype)

    def joined(self, axis: int) -> Expression:
        """All of its values one after another along an axis."""
        return Expression(self.builder, self.builder.node("ConcatFromSequence", self.name, axis=axis), self.dtype)

    def info(self, name: str, shape: Sequence[int] | None = None) -> onnx.ValueInfoProto:
        return helper.make_tensor_sequence_value_info(name, element_type(self.dtype), shape)


def constant(builder: GraphBuilder, values: npt.ArrayLike, dtype: npt.DTypeLike) -> Expression:
    """Numbers that are part of the graph."""
    return Expression(builder, builder.constant(values, dtype), dtype)


def counted(count: Expression) -> Expression:
    """The numbers from 0 to before a count, int64 of shape (1,)."""
    first, step = (constant(count.builder, number, np.int64) for number in (0, 1))
    return first.apply("Range", count.reshaped(), step)


def maximum(first: Expression, *others: Operand) -> Expression:
    return first.apply("Max", *others)


def minimum(first: Expression, *others: Operand) -> Expression:
    return first.apply("Min", *others)


def where(condition: Expression, then: Operand, otherwise: Operand) -> Expression:
    """``then`` where the condition holds; one of the two is an expression, whose type the other has."""
    builder = _innermost(condition, then, otherwise)
    dtype = next(value.dtype for value in (then, otherwise) if isinstance(value, Expression))
    names = (name_of(builder, value, dtype) for value in (then, otherwise))
    return Expression(builder, builder.node("Where", condition.name, *names), dtype)


def concatenated(values: Sequence[Operand], axis: int = 0) -> Expression:
    """Values one after another along an axis; the type is that of the first expression among them."""
    dtype = next(value.dtype for value in values if isinstance(value, Expression))
    builder = _innermost(*values)
    return Expression(
        builder, builder.node("Concat", *(name_of(builder, value, dtype) for value in values), axis=axis), dtype
    )


def stacked(values: Sequence[Expression], axis: int = 0) -> Expression:
    """Values of one shape along a new axis."""
    with_axis = [value.apply("Unsqueeze", _indices(value.builder, (axis,))) for value in values]
    return concatenated(with_axis, axis) if len(with_axis) > 1 else with_axis[0]


def name_of(builder: GraphBuilder, value: Operand, dtype: npt.DTypeLike) -> str:
    """The name of an expression, or of a new constant of these numbers."""
    return value.name if isinstance(value, Expression) else builder.constant(value, dtype)


def element_type(dtype: npt.DTypeLike) -> int:
    """ONNX's number of a type."""
    return helper.np_dtype_to_tensor_dtype(np.dtype(dtype))


def _indices(builder: GraphBuilder, values: Operand) -> Expression:
    return values if isinstance(values, Expression) else constant(builder, values, np.int64)


def _innermost(*values: Operand) -> GraphBuilder:
    builders = [value.builder for value in values if isinstance(value, Expression)]
    return max(builders, key=lambda builder: builder.depth)
