"""Parts of quantised weights that are read as they are stored: they may be moved, and nothing else."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from mergec.diagnostics import safe
from mergec.ir.layout import views
from mergec.ir.primitive import Locality
from mergec.ir.primitives import CAST, WITH_DEGREE
from mergec.ir.quantised_primitives import DEQUANTISE
from mergec.lower.source_layouts import layout_node
from mergec.sources.quantised_errors import PackedWeights
from mergec.steps.errors import MissingTensors

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mergec.diagnostics import Report, Span
    from mergec.ir.graph import Graph, LoweredRecipe, Node, NodeId
    from mergec.ir.model_table import ModelTable
    from mergec.ir.packed import PackedPart
    from mergec.sources.source_table import Source

_MOVES = {Locality.LAYOUT, Locality.VIEW}
_SHOWN = 3


PackedNodes = dict["NodeId", tuple[str, "PackedPart"]]  # their source, and what they are in it


def packed_nodes(graph: Graph, source: Source, origin: Span) -> PackedNodes:
    """The nodes that read a source's packed tensors, whole or in part, under whatever names."""
    found: PackedNodes = {}
    for layout in source.tensors.values() if source.packed else ():
        for view in views(layout):
            part = source.packed.get((view.file, view.offset))
            if part is not None and view.elements:
                found[layout_node(graph, view, source.degree, origin)] = source.name, part
    return found


def report_packed_use(lowered: LoweredRecipe, packed: PackedNodes, report: Report) -> None:
    """Report MC0226 for each place that computes with packed tensors."""
    if not packed:
        return
    graph = lowered.graph
    moved: dict[NodeId, NodeId] = {node: node for node in packed}  # what a packed leaf becomes unchanged
    found: defaultdict[tuple[str, Span | None, bool], dict[NodeId, None]] = defaultdict(dict)
    for node_id in graph.reachable(output.node for output in lowered.outputs):
        node = graph[node_id]
        for leaf in [moved[i] for i in node.inputs if i in moved]:
            if _keeps_bits(graph, node):
                moved[node_id] = leaf
            elif node.primitive is not DEQUANTISE:
                found[packed[leaf][0], node.origin, node.primitive is CAST][leaf] = None
    for (source, span, is_cast), leaves in found.items():
        parts = [packed[leaf][1] for leaf in leaves]
        report.add(_finding(source, span, parts, "rounded" if is_cast else "computed with"))


def explain_missing_parts(
    models: Mapping[str, ModelTable], packed: PackedNodes, before: int, report: Report
) -> None:
    """Report MC0226 where names do not line up because they are parts of quantised weights.

    `before` is how many findings there were when the operation on these models was begun.
    """
    for found in report.diagnostics[before:] if packed else ():
        if not isinstance(found, MissingTensors):
            continue
        entries = (table.entries.get(found.tensor) for table in models.values())
        leaf = next((packed[one.node] for one in entries if one is not None and one.node in packed), None)
        if leaf is not None:
            source, part = leaf
            report.add(_finding(source, found.span, [part], "merged"))


def _keeps_bits(graph: Graph, node: Node) -> bool:
    if node.primitive is CAST:
        return graph.type(node.inputs[0]).dtype is node.type.dtype
    return node.primitive is WITH_DEGREE or node.primitive.locality in _MOVES


def _finding(source: str, span: Span | None, parts: list[PackedPart], used: str) -> PackedWeights:
    names = ", ".join(f"`{safe(part.name)}`" for part in parts[:_SHOWN])
    more = f" and {len(parts) - _SHOWN} more" if len(parts) > _SHOWN else ""
    problem = next((part.problem for part in parts if part.problem), "")
    help_ = f"say `dequantize: true` on the source `{source}`"
    if problem:
        help_ = f"use the dense checkpoint that it was made from: {problem}"
    note = f"its codes and scales are {names}{more}"
    return PackedWeights(span=span, source=source, what=parts[0].what, used=used, notes=(note,), help=help_)
