"""Values of an ONNX graph as things that Python computes with: ``a + b`` adds a node that adds."""

from collections.abc import Sequence
from typing import Any, Self, Union

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper

from preprocessor.graphs.builder import GraphBuilder

#: What an operator takes beside an expression: another one, or numbers, which become a constant of its type.
Operand = Union["Expression", npt.ArrayLike]
#: Sides of a value, names for those that may be of any length.
Shape = Sequence[int | str]


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

    @classmethod
    def input(cls, builder: GraphBuilder, name: str, dtype: npt.DTypeLike, shape: Shape | None = None) -> Self:
        """A new input of a graph."""
        value = cls(builder, name, dtype)
        builder.input(value.info(name, shape))
        return value

    def output(self, name: str, shape: Shape | None = None, builder: GraphBuilder | None = None) -> None:
        """Makes this an output of its graph, or of one inside it."""
        (builder or self.builder).output(self.name, self.info(name, shape))

    def apply(
        self, operator: str, *others: Operand | None, dtype: npt.DTypeLike | None = None, **attributes: Any
    ) -> "Expression":
        """An operator of this and of others; ``dtype`` is that of the result where it is another.

        An input that the operator can do without, and that is left out before others, is None.
        """
        result = _applied(operator, [self, *others], self.dtype, **attributes)
        return result if dtype is None else Expression(result.builder, result.name, dtype)

    def __add__(self, other: Operand) -> "Expression":
        return self.apply("Add", other)

    def __sub__(self, other: Operand) -> "Expression":
        return self.apply("Sub", other)

    def __mul__(self, other: Operand) -> "Expression":
        return self.apply("Mul", other)

    def __truediv__(self, other: Operand) -> "Expression":
        """For integers the quotient without its fraction, as in C."""
        return self.apply("Div", other)

    def __matmul__(self, other: Operand) -> "Expression":
        return self.apply("MatMul", other)

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

    def info(self, name: str, shape: Shape | None = None) -> onnx.ValueInfoProto:
        """The description of an input or output of a graph that takes or gives such a value."""
        return helper.make_tensor_value_info(name, _element_type(self.dtype), shape)

    def to(self, dtype: npt.DTypeLike) -> "Expression":
        """The numbers as another type; fractions are cut off where it has none."""
        return self.apply("Cast", dtype=dtype, to=_element_type(dtype))

    def take(self, indices: Operand, axis: int = 0) -> "Expression":
        """What stands at some places of an axis; a single index removes the axis."""
        return self.apply("Gather", _indices(self.builder, indices), axis=axis)

    def part(self, start: Operand, stop: Operand, axis: int = 0) -> "Expression":
        """What stands from one place of an axis to before another, both of shape (1,)."""
        return self.apply("Slice", *(_indices(self.builder, limit) for limit in (start, stop, (axis,))))

    def sum(self, *axes: int, keepdims: bool = False) -> "Expression":
        """The sum over some axes, or over all without any."""
        over = (constant(self.builder, axes, np.int64),) if axes else ()
        return self.apply("ReduceSum", *over, keepdims=int(keepdims))

    def largest(self, count: "Expression", **axis: int) -> tuple["Expression", "Expression"]:
        """The largest numbers, falling, and their places, int64; ``count``, int64 (1,), says how many."""
        numbers, places = self.builder.nodes("TopK", 2, self.name, count.name, **axis)
        return Expression(self.builder, numbers, self.dtype), Expression(self.builder, places, np.int64)

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
        return cls(builder, builder.node("SequenceEmpty", dtype=_element_type(dtype)), dtype)

    def insert(self, value: Expression, place: Expression) -> "Gathered":
        """The sequence with another value before the one at ``place``, int64 of shape ()."""
        builder = _innermost(self, value, place)
        return Gathered(builder, builder.node("SequenceInsert", self.name, value.name, place.name), self.dtype)

    def joined(self, axis: int) -> Expression:
        """All of its values one after another along an axis."""
        return Expression(self.builder, self.builder.node("ConcatFromSequence", self.name, axis=axis), self.dtype)

    def info(self, name: str, shape: Shape | None = None) -> onnx.ValueInfoProto:
        return helper.make_tensor_sequence_value_info(name, _element_type(self.dtype), shape)


def constant(builder: GraphBuilder, values: npt.ArrayLike, dtype: npt.DTypeLike) -> Expression:
    """Numbers that are part of the graph."""
    return Expression(builder, builder.constant(values, dtype), dtype)


def zeros(shape: Expression) -> Expression:
    """As many zeros, float32, as fill a shape, int64 (axes,); flat."""
    return shape.apply("ReduceProd", keepdims=1).apply("ConstantOfShape", dtype=np.float32)


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
    return _applied("Where", [condition, then, otherwise], _type_of(then, otherwise))


def concatenated(values: Sequence[Operand], axis: int = 0) -> Expression:
    """Values one after another along an axis; the type is that of the first expression among them."""
    return _applied("Concat", values, _type_of(*values), axis=axis)


def stacked(values: Sequence[Expression], axis: int = 0) -> Expression:
    """Values of one shape along a new axis."""
    with_axis = [value.apply("Unsqueeze", _indices(value.builder, (axis,))) for value in values]
    return concatenated(with_axis, axis) if len(with_axis) > 1 else with_axis[0]


def _indices(builder: GraphBuilder, values: Operand) -> Expression:
    return values if isinstance(values, Expression) else constant(builder, values, np.int64)


def _applied(operator: str, operands: Sequence[Operand | None], dtype: npt.DTypeLike, **attributes: Any) -> Expression:
    """What an operator gives, of ``dtype``, which numbers among its operands get as well."""
    builder = _innermost(*operands)
    names = [_name(builder, operand, dtype) for operand in operands]
    return Expression(builder, builder.node(operator, *names, **attributes), dtype)


def _name(builder: GraphBuilder, operand: Operand | None, dtype: npt.DTypeLike) -> str:
    if operand is None:
        return ""
    return operand.name if isinstance(operand, Expression) else builder.constant(operand, dtype)


def _type_of(*operands: Operand) -> np.dtype[Any]:
    """The type of the first expression."""
    return next(operand.dtype for operand in operands if isinstance(operand, Expression))


def _element_type(dtype: npt.DTypeLike) -> int:
    """ONNX's number of a type."""
    return helper.np_dtype_to_tensor_dtype(np.dtype(dtype))


def _innermost(*values: Operand | None) -> GraphBuilder:
    builders = [value.builder for value in values if isinstance(value, Expression)]
    return max(builders, key=lambda builder: builder.depth)
