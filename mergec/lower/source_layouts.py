"""The tensors of a source as nodes of the graph."""

from __future__ import annotations

from collections import defaultdict
from math import lcm, prod
from typing import TYPE_CHECKING

from mergec.ir.graph import Remark
from mergec.ir.layout import Joined, Layout
from mergec.ir.matrix_primitives import PERMUTE, RESHAPE
from mergec.ir.packed import Packed
from mergec.ir.primitives import CONCAT, READ, SLICE
from mergec.ir.quantised_primitives import DEQUANTISE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mergec.diagnostics import Span
    from mergec.ir.dtype import DType
    from mergec.ir.graph import Graph, NodeId
    from mergec.ir.strided_view import StridedView

# A part of a weight is held in float32 beside what its kernel takes: few MiB, and not too many parts.
_PART_ELEMENTS = 1 << 22
_CHANGES = {"slice": SLICE, "permute": PERMUTE, "reshape": RESHAPE}


def layout_node(graph: Graph, layout: Layout, degree: float, origin: Span | None) -> NodeId:
    """The node for a tensor's value; `degree` is that of the source's float tensors."""
    if isinstance(layout, Joined):
        parts = tuple(layout_node(graph, part, degree, origin) for part in layout.parts)
        return graph.add(CONCAT, parts, (layout.axis,), origin)
    if isinstance(layout, Packed):
        return _dequantised(graph, layout, degree, origin)
    known = degree if layout.dtype.is_float else None
    return graph.add(READ, (), (layout, known), origin)


def _dequantised(graph: Graph, packed: Packed, degree: float, origin: Span | None) -> NodeId:
    """The dense weight, in parts of whole rows where it is large: what is dequantised is held in memory."""
    pieces: list[NodeId] = []
    for start, stop in _row_ranges(packed):
        # Codes and scales are no weights, so they have no degree.
        views = _of_rows(packed, start, stop)
        parts = tuple(graph.add(READ, (), (view, None), origin) for view in views)
        shape = (stop - start, *packed.dense[1:]) if packed.dense else ()
        pieces.append(graph.add(DEQUANTISE, parts, (packed.scheme, shape, packed.dtype, degree), origin))
    node = graph.add(CONCAT, tuple(pieces), (0,), origin) if len(pieces) > 1 else pieces[0]
    for change in packed.changes:
        values = change.attributes if change.kind == "slice" else (change.attributes,)
        node = graph.add(_CHANGES[change.kind], (node,), values, origin)
    return node


def _row_ranges(packed: Packed) -> list[tuple[int, int]]:
    """Where the parts begin and end on the first axis: at whole steps of every operand."""
    rows = packed.dense[0] if packed.dense else 1
    elements = prod(packed.dense)
    if not packed.scheme.rows or elements <= _PART_ELEMENTS:
        return [(0, rows)]
    unit = lcm(*(step for step, _ in packed.scheme.rows if step))
    count = max(_PART_ELEMENTS * rows // elements // unit, 1) * unit
    return [(start, min(start + count, rows)) for start in range(0, rows, count)]


def _of_rows(packed: Packed, start: int, stop: int) -> list[StridedView]:
    """The operands of some rows of the weight."""
    if not packed.dense or stop - start == packed.dense[0]:
        return list(packed.parts)
    return [
        view.sliced(0, start // step * own, -(-stop * own // step)) if step else view
        for view, (step, own) in zip(packed.parts, packed.scheme.rows, strict=True)
    ]


def stored_dtype(layout: Layout) -> DType:
    """The dtype that a tensor is written in where a recipe does not say."""
    packed = next(packed_layouts(layout), None)
    return layout.dtype if packed is None else packed.stored


def dequantised_remarks(source: str, tensors: Mapping[str, Layout]) -> list[Remark]:
    """What a source's quantised tensors were and what makes them dense, for the plan."""
    names: defaultdict[str, list[str]] = defaultdict(list)
    for name, layout in tensors.items():
        for what in dict.fromkeys(packed.what for packed in packed_layouts(layout)):
            names[what].append(name)
    return [Remark(source, what, tuple(found)) for what, found in names.items()]


def packed_layouts(layout: Layout) -> Iterator[Packed]:
    """The quantised parts of a tensor."""
    if isinstance(layout, Packed):
        yield layout
    elif isinstance(layout, Joined):
        for part in layout.parts:
            yield from packed_layouts(part)
