"""Adapters that reach the output as if they were models."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mergec.adapters.factor_names import is_factor
from mergec.diagnostics import safe
from mergec.recipe.recipe_model import is_single_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import PurePath

    from mergec.adapters.extraction_errors import WrongAdapterPath
    from mergec.diagnostics import Report, Span
    from mergec.ir.config_edit import AdapterFiles
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


def wrong_adapter_path(
    adapter: AdapterFiles, target: PurePath, span: Span | None = None
) -> WrongAdapterPath | None:
    """MC0393 for an output path that is not what the adapter's format is written to."""
    is_file = is_single_file(target)
    if is_file is (not adapter.weights):
        return None
    from mergec.adapters.extraction_errors import WrongAdapterPath

    name = safe(target.name)
    if is_file:
        problem = f"`{name}` is a file, and an adapter in PEFT's format is a folder"
        return WrongAdapterPath(
            span=span, problem=problem, help=f"write `{name.removesuffix('.safetensors')}`"
        )
    problem = f"`{name}` is a folder, and an adapter in kohya's format is a file"
    return WrongAdapterPath(span=span, problem=problem, help=f"write `{name}.safetensors`")


def _origin(graph: Graph, node: NodeId, labels: Mapping[NodeId, tuple[str, str]]) -> str:
    """The source that a value comes from, first of all."""
    return labels.get(next(iter(graph.leaves(node))), ("", ""))[0]
