"""Adapters that reach the output as if they were models."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mergec.adapters.factor_names import is_factor

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from mergec.diagnostics import Report, Span
    from mergec.ir.graph import Graph, NodeId, OutputTensor
    from mergec.ir.model_table import ModelTable


def check_adapters(
    outputs: Sequence[OutputTensor],
    sources: Iterable[ModelTable],
    labels: Mapping[NodeId, tuple[str, str]],
    graph: Graph,
    span: Span,
    report: Report,
) -> None:
    """Report MC0345 for factors of adapters among the weights of a model.

    An output of nothing but an adapter is an adapter, renamed or cast, and in order.
    """
    factors = [output for output in outputs if is_factor(output.name)]
    if not factors:
        return
    # Most recipes fold no adapter: they should not wait for what reads one.
    from mergec.adapters.errors import AdapterInOutput
    from mergec.adapters.recognise import dialect_of

    adapters = {table.name for table in sources if dialect_of(table.entries, table.facts) is not None}
    origins = {output.name: _origin(graph, output.node, labels) for output in outputs}
    stray = [output.name for output in factors if origins[output.name] in adapters]
    if not stray or all(origin in adapters for origin in origins.values()):
        return
    adapter = origins[stray[0]]
    advice = f"fold it instead: {{op: lora, base: MODEL, adapters: {{{adapter}: 1.0}}}}"
    more = f" and {len(stray) - 1} more" if len(stray) > 1 else ""
    report.add(AdapterInOutput(span=span, adapter=adapter, tensor=stray[0], more=more, help=advice))


def _origin(graph: Graph, node: NodeId, labels: Mapping[NodeId, tuple[str, str]]) -> str:
    """The source that a value comes from, first of all."""
    return labels.get(next(iter(graph.leaves(node))), ("", ""))[0]
