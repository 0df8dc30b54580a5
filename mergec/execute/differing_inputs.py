"""Where bad values come from: looked up only when there are any, so that plans need not know."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from mergec.diagnostics import MergecError, safe
from mergec.execute.errors import IntegersDiffer, NotFiniteValues
from mergec.ir.primitives import IDENTICAL, READ

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mergec.diagnostics import Diagnostic
    from mergec.ir.graph import CheckedGraph, NodeId


@contextmanager
def inputs_named(checked: CheckedGraph, files: Sequence[str]) -> Iterator[None]:
    """Adds places in the recipe and the names of inputs to MC0701 and MC0702 as they pass by.

    Raises:
        MergecError: what was raised inside, told better.
    """
    try:
        yield
    except MergecError as error:
        raise MergecError([_placed(one, checked, files) for one in error.diagnostics]) from error


def _placed(one: Diagnostic, checked: CheckedGraph, files: Sequence[str]) -> Diagnostic:
    if isinstance(one, NotFiniteValues):
        return _named(one, checked, files)
    if not isinstance(one, IntegersDiffer):
        return one
    root = next(output.node for output in checked.outputs if output.name == one.tensor)
    graph = checked.graph
    compared = next(
        (node for node in reversed(graph.reachable([root])) if graph[node].primitive is IDENTICAL), root
    )
    leaves = [leaf for leaf in graph.leaves(compared) if graph[leaf].primitive is READ]
    notes = tuple(dict.fromkeys(_described(leaf, checked, files) for leaf in leaves))
    return replace(one, span=graph[compared].origin, notes=notes)


def _named(one: NotFiniteValues, checked: CheckedGraph, files: Sequence[str]) -> Diagnostic:
    """The finding with the tensor in whose bytes it was made."""
    for leaf, (source, name) in checked.labels.items():
        node = checked.graph[leaf]
        if node.primitive is not READ:
            continue
        view = node.attributes[0]
        if view.file == one.file and view.offset <= one.offset < view.offset + max(view.nbytes, 1):
            notes = (f"in {safe(files[view.file])}",)
            return replace(one, what=f"`{name}` of `{source}`", span=node.origin, notes=notes)
    return one


def _described(leaf: NodeId, checked: CheckedGraph, files: Sequence[str]) -> str:
    file = safe(files[checked.graph[leaf].attributes[0].file])
    if leaf not in checked.labels:
        return f"in {file}"
    source, name = checked.labels[leaf]
    return f"`{safe(source)}`: `{safe(name)}` in {file}"
