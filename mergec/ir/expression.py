"""Symbolic tensors: a method written over them builds graph nodes by being called."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mergec.ir import primitives
from mergec.ir.dtype import DType

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mergec.diagnostics import Span
    from mergec.ir.graph import Graph, NodeId


@dataclass(frozen=True, slots=True)
class Tensor:
    """A value in the graph. Arithmetic on it adds nodes that bear `origin`."""

    graph: Graph
    node: NodeId
    origin: Span | None = None

    def _apply(
        self, primitive: primitives.Primitive, *others: Tensor, attributes: tuple[object, ...] = ()
    ) -> Tensor:
        inputs = (self.node, *(other.node for other in others))
        return Tensor(self.graph, self.graph.add(primitive, inputs, attributes, self.origin), self.origin)

    def __add__(self, other: Tensor) -> Tensor:
        return self._apply(primitives.ADD, other)

    def __sub__(self, other: Tensor) -> Tensor:
        return self._apply(primitives.SUBTRACT, other)

    def __mul__(self, factor: float) -> Tensor:
        return self._apply(primitives.SCALE, attributes=(float(factor),))

    __rmul__ = __mul__

    def at(self, origin: Span) -> Tensor:
        """The same value; what is computed from it bears this place in the recipe."""
        return Tensor(self.graph, self.node, origin)

    def cast(self, dtype: DType) -> Tensor:
        """The values rounded to another dtype."""
        return self._apply(primitives.CAST, attributes=(dtype,))

    def with_degree(self, degree: float) -> Tensor:
        """The same values, declared to be weights (1) or a difference of weights (0)."""
        return self._apply(primitives.WITH_DEGREE, attributes=(degree,))

    @property
    def degree(self) -> float | None:
        """How much of a checkpoint this is: 1 for weights, 0 for differences, None for integers."""
        return self.graph.type(self.node).degree


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
