"""The numbers in an adapter that decide how it is folded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mergec.ir import primitives
from mergec.ir.strided_view import StridedView

if TYPE_CHECKING:
    from mergec.adapters.adapter import Adapter

_THROUGH = frozenset({"finite", "cast", "with_degree", "reshape"})


def number_in(adapter: Adapter, name: str) -> float | None:
    """The value of a tensor of one element; None if it has more, or is not stored in a file."""
    tensor = adapter.tensors[name]
    node = tensor.graph[tensor.node]
    while node.primitive.name in _THROUGH:
        node = tensor.graph[node.inputs[0]]
    if node.primitive is not primitives.READ:
        return None
    view = node.attributes[0]
    assert isinstance(view, StridedView)
    values = adapter.facts.read_values(view) if view.elements == 1 else []
    return values[0] if len(values) == 1 else None
