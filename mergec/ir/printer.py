"""A graph as text, one node per line: for tests and for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mergec.diagnostics import safe
from mergec.ir.dtype import DType
from mergec.ir.layout import Joined, Layout
from mergec.ir.packed import Packed
from mergec.ir.strided_view import StridedView

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mergec.ir.graph import Graph, NodeId, OutputTensor


def print_graph(
    graph: Graph, outputs: Sequence[OutputTensor], labels: Mapping[NodeId, tuple[str, str]]
) -> str:
    """The nodes that the outputs need, inputs first, then the outputs.

    Nodes are numbered as they are printed, so that the text depends on nothing but the values: `%3 =
    scale(%1) 0.5 : F32[2x3] deg 0.5  # recipe.yaml:5:3`. A leaf of a file is printed as its label.
    """
    numbers: dict[NodeId, int] = {}
    lines: list[str] = []
    for node_id in graph.reachable(output.node for output in outputs):
        numbers[node_id] = len(numbers)
        node = graph[node_id]
        operands = ", ".join(f"%{numbers[i]}" for i in node.inputs)
        attributes = [_shown(value) for value in node.attributes]
        if not node.inputs:
            attributes = _leaf(node.attributes, labels.get(node_id))
        value = " ".join([f"{node.primitive.name}({operands})", *attributes])
        origin = f"  # {node.origin}" if node.origin is not None else ""
        lines.append(f"%{numbers[node_id]} = {value} : {node.type}{origin}")
    lines.extend(f"{safe(output.name)} = %{numbers[output.node]}" for output in outputs)
    return "\n".join([*lines, ""])


def _leaf(attributes: Sequence[object], label: tuple[str, str] | None) -> list[str]:
    """What the type of a leaf does not say: where it comes from, or the value that it is filled with."""
    first, *rest = attributes
    if not isinstance(first, StridedView | Joined):  # shape, dtype, value, degree
        return [_shown(rest[1])]
    if label is not None:
        return [f"{label[0]}:{safe(label[1])}"]
    place = _place(first)
    return [place, *(_shown(value) for value in rest[1:])]


def _place(layout: Layout) -> str:
    if isinstance(layout, Packed):
        return f"packed [{', '.join(map(_place, layout.parts))}]"
    if isinstance(layout, Joined):
        return f"joined on {layout.axis} [{', '.join(_place(part) for part in layout.parts)}]"
    return f"file {layout.file} at {layout.offset} by {list(layout.strides)}"


def _shown(value: object) -> str:
    if isinstance(value, DType):
        return value.code
    return repr(value) if isinstance(value, float) else safe(value)
