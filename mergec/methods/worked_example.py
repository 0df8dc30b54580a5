"""What making a method's worked example takes, read from its graph."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from mergec.diagnostics import Report, SourceText
from mergec.ir.dtype import DType
from mergec.ir.graph import Graph
from mergec.ir.model_table import Entry, ModelTable
from mergec.ir.primitive import Locality, Reproducibility
from mergec.ir.primitives import READ
from mergec.ir.reduction_primitives import COLUMN_PRODUCTS, IN_ANY_ORDER, JOINT, ROW_PRODUCTS
from mergec.ir.strided_view import StridedView
from mergec.recipe.place import TreePlace
from mergec.recipe.yaml_tree import read_yaml
from mergec.steps.operation import Call

if TYPE_CHECKING:
    from mergec.ir.graph import NodeId
    from mergec.ir.strided_view import Shape
    from mergec.methods.example import Example, NamedValues
    from mergec.methods.method_operation import MethodOperation

# What gives a few numbers: for each model or two of them, or for their rows or columns.
_BY_ROWS = {ROW_PRODUCTS, COLUMN_PRODUCTS}
_FEW = IN_ANY_ORDER | _BY_ROWS
TENSOR = "weight"  # the name of an example's only tensor


class Holds(Enum):
    """How much of a tensor is held at a time."""

    TILES = "tiles"
    ROWS = "rows"  # however long they are
    WHOLE = "whole"


@dataclass(frozen=True, slots=True)
class Traits:
    """What is known of a method by its graph.

    `reductions` are the sweeps over a tensor that go before computing it, `surveys` those over the tensors
    of whole models. `holds` says how much of a tensor is held at a time.
    """

    reproducibility: Reproducibility
    holds: Holds
    reductions: tuple[str, ...]
    surveys: tuple[str, ...]


def tensors_of(values: NamedValues) -> Mapping[str, Any]:
    """The tensors of a model or result of an example, by name."""
    return values if isinstance(values, Mapping) else {TENSOR: values}


def traits(operation: MethodOperation) -> Traits | None:
    """The traits of a method as its worked example uses it; None where that is missing or refused."""
    example = operation.method.example
    if example is None:
        return None
    graph, outputs = _graph(operation, example)
    if not outputs:
        return None
    nodes = [graph[node] for node in graph.reachable(outputs)]
    used = {node.primitive for node in nodes}
    classes = [primitive.reproducibility for primitive in used]
    joint = set(JOINT.values())
    return Traits(
        max(classes, key=lambda one: one.value, default=Reproducibility.R0),
        _holds(graph, outputs),
        tuple(sorted(one.name for one in used - joint if one.locality is Locality.REDUCE)),
        tuple(sorted(one.name.removeprefix("joint_") for one in used & joint)),
    )


def _graph(operation: MethodOperation, example: Example) -> tuple[Graph, list[NodeId]]:
    """The graph of an example, and what it makes; nothing where it is refused."""
    graph, report = Graph(), Report()
    models: dict[str, ModelTable] = {}
    for file, (model, values) in enumerate(example.tensors.items()):
        degree = 0.0 if model in example.deltas else 1.0
        entries: dict[str, Entry] = {}
        for name, one in tensors_of(values).items():
            view = StridedView.contiguous(file, 0, DType.F32, _shape(one))
            entries[name] = Entry(graph.add(READ, (), (view, degree)), DType.F32)
        models[model] = ModelTable(model, entries)
    keys = operation.keys.model_validate(example.keys)
    text = json.dumps({"op": operation.name, **example.keys})
    call = Call("merged", TreePlace(read_yaml(SourceText("example", text))), models, graph, report)
    made = operation.lower(keys, call)
    return graph, [] if report.has_errors() else [entry.node for entry in made.entries.values()]


def _shape(values: Any) -> Shape:  # noqa: ANN401  # lists in lists
    """The shape of nested lists."""
    if isinstance(values, int | float):
        return ()
    return (len(values), *(_shape(values[0]) if len(values) else ()))


def _holds(graph: Graph, outputs: list[NodeId]) -> Holds:
    """How much is held of what is more than a few numbers."""
    few: set[NodeId] = set()  # what sweeps find, and what is made of that
    holds = Holds.TILES
    for node in graph.reachable(outputs):
        primitive, inputs = graph[node].primitive, graph[node].inputs
        if primitive.locality is Locality.ROWWISE or primitive in _BY_ROWS:
            holds = Holds.ROWS
        if primitive in _FEW or (inputs and few.issuperset(inputs)):
            few.add(node)
            continue
        held = inputs[1:] if primitive.locality in {Locality.ROWWISE, Locality.PICKED} else ()
        if primitive.locality is Locality.WHOLE or not few.issuperset(held):
            return Holds.WHOLE
    return holds
