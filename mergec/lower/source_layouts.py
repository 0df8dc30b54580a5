"""The tensors of a source as nodes of the graph."""

from __future__ import annotations

from collections import defaultdict
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
    # Codes and scales are no weights, so they have no degree.
    parts = tuple(graph.add(READ, (), (view, None), origin) for view in packed.parts)
    attributes = (packed.scheme, packed.dense, packed.dtype, degree)
    node = graph.add(DEQUANTISE, parts, attributes, origin)
    for change in packed.changes:
        values = change.attributes if change.kind == "slice" else (change.attributes,)
        node = graph.add(_CHANGES[change.kind], (node,), values, origin)
    return node


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
