"""Symbolic tensors: a method written over them builds graph nodes by being called."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, NamedTuple

from mergec.ir import matrix_primitives, number_primitives, permutation_primitives, primitives
from mergec.ir.dtype import DType
from mergec.ir.elementwise_expressions import ElementwiseExpressions
from mergec.ir.filter_expressions import FilterExpressions
from mergec.ir.row_expressions import RowExpressions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mergec.diagnostics import Span
    from mergec.ir.axis_index import AxisIndex
    from mergec.ir.graph import Graph, NodeId
    from mergec.ir.primitive import Primitive
    from mergec.ir.strided_view import Shape


class Scalar(NamedTuple):
    """A number that is found when the build runs: one of a float64 vector, or of a matrix row by row."""

    vector: Tensor
    at: int


@dataclass(frozen=True, slots=True)
class Tensor(ElementwiseExpressions, FilterExpressions, RowExpressions):
    """A value in the graph. Arithmetic on it adds nodes that bear `origin`."""

    graph: Graph
    node: NodeId
    origin: Span | None = None

    def _apply(self, primitive: Primitive, *others: Tensor, attributes: tuple[object, ...] = ()) -> Tensor:
        inputs = (self.node, *(other.node for other in others))
        return Tensor(self.graph, self.graph.add(primitive, inputs, attributes, self.origin), self.origin)

    def _with_number(self, operation: str, other: float | Scalar) -> Tensor:
        """This and a number, by one of number_primitives.OPERATIONS."""
        if isinstance(other, Scalar):
            attributes: tuple[object, ...] = (operation, other.at)
            return self._apply(number_primitives.WITH_SCALAR, other.vector, attributes=attributes)
        return self._apply(number_primitives.WITH_NUMBER, attributes=(operation, float(other)))

    def __getitem__(self, at: int) -> Scalar:
        """One number of a small float64 vector, or of a matrix row by row."""
        return Scalar(self, range(prod(self.shape))[at])

    def __add__(self, other: float | Scalar | Tensor) -> Tensor:
        if isinstance(other, Tensor):
            return self._apply(primitives.ADD, other)
        return self._with_number("add", other)

    def __sub__(self, other: float | Tensor) -> Tensor:
        if isinstance(other, Tensor):
            return self._apply(primitives.SUBTRACT, other)
        return self._with_number("add", -other)

    def __mul__(self, factor: float | Scalar | Tensor) -> Tensor:
        if isinstance(factor, Tensor):
            return self._apply(primitives.MULTIPLY, factor)
        if isinstance(factor, Scalar):
            return self._with_number("multiply", factor)
        return self._apply(primitives.SCALE, attributes=(float(factor),))

    __rmul__ = __mul__

    def __neg__(self) -> Tensor:
        return self * -1.0

    def __truediv__(self, divisor: float | Scalar | Tensor) -> Tensor:
        if isinstance(divisor, Tensor):
            return self._apply(primitives.DIVIDE, divisor)
        return self._with_number("divide", divisor)

    def __matmul__(self, held: Tensor) -> Tensor:
        """Rows (n, g*k) by a matrix (k, c), or by g of them side by side (g, k, c): (n, g*c)."""
        return self._apply(matrix_primitives.MATMUL, held)

    def at(self, origin: Span) -> Tensor:
        """The same value; what is computed from it bears this place in the recipe."""
        return Tensor(self.graph, self.node, origin)

    def cast(self, dtype: DType) -> Tensor:
        """The values rounded to another dtype."""
        return self._apply(primitives.CAST, attributes=(dtype,))

    def with_degree(self, degree: float) -> Tensor:
        """The same values, declared to be weights (1) or a difference of weights (0)."""
        return self._apply(primitives.WITH_DEGREE, attributes=(degree,))

    def finite(self) -> Tensor:
        """The same values; the build stops where one of them is no finite number."""
        return self._apply(primitives.FINITE)

    def reshape(self, *shape: int) -> Tensor:
        """The elements in row-major order, laid out in another shape."""
        if shape == self.shape:
            return self
        return self._apply(matrix_primitives.RESHAPE, attributes=(shape,))

    def repeated(self, *shape: int) -> Tensor:
        """The values with axes of size 1 repeated to a shape."""
        if shape == self.shape:
            return self
        ones = self.graph.add(primitives.FILL, (), (shape, self.dtype, 1.0, None), self.origin)
        return self * Tensor(self.graph, ones, self.origin)

    def permute(self, *order: int) -> Tensor:
        """Axis k of the result is axis order[k] of this."""
        if order == tuple(range(len(order))) and len(order) == len(self.shape):
            return self
        return self._apply(matrix_primitives.PERMUTE, attributes=(order,))

    @property
    def transposed(self) -> Tensor:
        """A matrix with rows and columns exchanged."""
        return self.permute(1, 0)

    def flattened(self) -> Tensor:
        """A matrix (shape[0], everything else)."""
        return self.reshape(self.shape[0], prod(self.shape[1:]))

    def part(self, axis: int, start: int, stop: int) -> Tensor:
        """The values with start <= index < stop on `axis`."""
        return self._apply(primitives.SLICE, attributes=(axis, start, stop))

    def row_norm(self) -> Tensor:
        """The Euclidean norm of each row: (n, ...) to (n, 1, ...)."""
        return self._apply(matrix_primitives.ROW_NORM)

    def columns(self, order: Sequence[int]) -> Tensor:
        """Columns of a matrix, in this order."""
        return self._apply(matrix_primitives.GATHER_COLUMNS, attributes=(tuple(order),))

    def skew(self, size: int) -> Tensor:
        """Rows of entries above the diagonal as skew-symmetric matrices (n, size, size)."""
        return self._apply(matrix_primitives.SKEW, attributes=(size,))

    def cayley(self, terms: int = 0) -> Tensor:
        """Skew-symmetric Q (n, b, b) as rotations (I + Q)(I - Q)^-1; by a Neumann series if `terms` > 0."""
        return self._apply(matrix_primitives.CAYLEY, attributes=(terms,))

    def mean_rows(self) -> Tensor:
        """The mean of the rows: (n, ...) to (1, ...)."""
        return self._apply(matrix_primitives.MEAN_ROWS)

    def resize_grid(self, old: Shape, new: Shape, mode: str, *, smooth: bool = False) -> Tensor:
        """Rows that are the points of a grid, (h*w, d), interpolated at the points of another."""
        return self._apply(matrix_primitives.RESIZE_GRID, attributes=(old, new, mode, smooth))

    def axis_index(self, model: int, index: AxisIndex) -> Tensor:
        """Of vectors of permutations (models, length): the indices of an axis, for one of the models."""
        return self._apply(permutation_primitives.AXIS_INDEX, attributes=(model, index))

    def gathered(self, index: Tensor, axis: int) -> Tensor:
        """The values at these indices of an axis."""
        if axis == 0:
            return self._apply(permutation_primitives.GATHER_ROWS, index)
        return self._apply(permutation_primitives.GATHER, index, attributes=(axis,))

    @property
    def shape(self) -> Shape:
        """The sizes of the axes."""
        return self.graph.type(self.node).shape

    @property
    def dtype(self) -> DType:
        """The dtype that the values are in."""
        return self.graph.type(self.node).dtype

    @property
    def degree(self) -> float | None:
        """How much of a checkpoint this is: 1 for weights, 0 for differences, None for integers."""
        return self.graph.type(self.node).degree


def concatenated(tensors: Sequence[Tensor], axis: int) -> Tensor:
    """The tensors one after another along an axis."""
    first, *others = tensors
    return first._apply(primitives.CONCAT, *others, attributes=(axis,)) if others else first  # noqa: SLF001


def promoted(tensors: Sequence[Tensor]) -> list[Tensor]:
    """The tensors as operands of one computation: all floats in float64 where one of them is."""
    dtypes = [t.graph.type(t.node).dtype for t in tensors]
    if DType.F64 not in dtypes:
        return list(tensors)
    return [
        t.cast(DType.F64) if dtype.is_float and dtype is not DType.F64 else t
        for t, dtype in zip(tensors, dtypes, strict=True)
    ]


def identical(tensors: Sequence[Tensor]) -> Tensor:
    """The value that all of them share; building stops where they differ."""
    first, *others = tensors
    distinct = [t for t in dict.fromkeys(others) if t.node != first.node]
    if not distinct:
        return first
    return first._apply(primitives.IDENTICAL, *distinct)  # noqa: SLF001
