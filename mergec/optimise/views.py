"""Views pushed through a graph: the elements of a value in another order or shape."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from mergec.ir.matrix_primitives import MATMUL, PERMUTE, RESHAPE
from mergec.ir.primitive import Locality, Primitive
from mergec.ir.primitives import CONCAT, FILL
from mergec.ir.random_primitives import VIEWED

if TYPE_CHECKING:
    from mergec.diagnostics import Span
    from mergec.ir.graph import Graph, Node, NodeId
    from mergec.ir.strided_view import Shape

# A shape for `reshape`, an order of axes for `permute`.
_View = tuple[Primitive, "Shape"]
_TRANSPOSED = (1, 0)


def viewed(graph: Graph, node_id: NodeId, view: _View) -> NodeId:
    """The node for a value under a view, with the view in the leaves where it can get there.

    Otherwise it is left above what it cannot pass, such as a row norm.
    """
    primitive, argument = view
    node = graph[node_id]
    if _changes_nothing(node.type.shape, view):
        return node_id
    made: NodeId | None = None
    if node.primitive is primitive:
        inner = argument if primitive is RESHAPE else tuple(node.attributes[0][axis] for axis in argument)
        return viewed(graph, node.inputs[0], (primitive, inner))
    if node.primitive.locality is Locality.LEAF:
        made = _leaf(graph, node, view)
    elif node.primitive.locality in {Locality.ELEMENTWISE, Locality.UNIFORM}:
        made = _elementwise(graph, node, view)
    elif node.primitive is CONCAT:
        made = _joined(graph, node, view)
    elif node.primitive is MATMUL and view == (PERMUTE, _TRANSPOSED):
        made = _product(graph, node)
    return graph.add(primitive, (node_id,), (argument,), node.origin) if made is None else made


def inverse(view: _View, shape: Shape) -> _View:
    """The view that undoes one of a value of this shape."""
    primitive, argument = view
    if primitive is RESHAPE:
        return RESHAPE, shape
    return PERMUTE, tuple(argument.index(axis) for axis in range(len(argument)))


def hoisted(graph: Graph, node: Node, inputs: tuple[NodeId, ...]) -> NodeId | None:
    """A node by elements with a view among its operands, as the view of a node whose operand has none.

    Before: `add(a, reshape(b))`; after: `reshape(add(reshape(a), b))`, where the inner reshape goes into
    the leaves of `a`. None where no operand is a view, or where operands are repeated along axes that a
    reshape would mix. Of two views that differ only the first gets out of the way.
    """
    count = same_place(node)
    at = next((at for at, i in enumerate(inputs[:count]) if is_view(graph, i)), None)
    if at is None:
        return None
    operands = inputs[:count]
    outer: list[tuple[_View, Span | None]] = []
    while is_view(graph, operands[at]):
        blocked = graph[operands[at]]
        view = blocked.primitive, blocked.attributes[0]
        if view[0] is RESHAPE and len({graph.type(i).shape for i in operands}) > 1:
            break
        undone = inverse(view, graph.type(blocked.inputs[0]).shape)
        operands = tuple(viewed(graph, i, undone) for i in operands)
        outer.append((view, blocked.origin))
    if not outer:
        return None
    result = graph.add(node.primitive, (*operands, *inputs[count:]), node.attributes, node.origin)
    for (primitive, argument), origin in reversed(outer):
        result = graph.add(primitive, (result,), (argument,), origin)
    return result


def is_view(graph: Graph, node_id: NodeId) -> bool:
    """Whether a node only shows the elements of another in another order or shape."""
    return graph[node_id].primitive.locality is Locality.VIEW


def _changes_nothing(shape: Shape, view: _View) -> bool:
    primitive, argument = view
    return argument == (shape if primitive is RESHAPE else tuple(range(len(shape))))


def _leaf(graph: Graph, node: Node, view: _View) -> NodeId | None:
    primitive, argument = view
    if node.primitive is FILL:
        shape, *rest = node.attributes
        new = argument if primitive is RESHAPE else tuple(shape[axis] for axis in argument)
        return graph.add(FILL, (), (new, *rest), node.origin)
    assert node.primitive in VIEWED
    elements, *rest = node.attributes
    new_view = elements.reshaped(argument) if primitive is RESHAPE else elements.permuted(argument)
    return None if new_view is None else graph.add(node.primitive, (), (new_view, *rest), node.origin)


def _elementwise(graph: Graph, node: Node, view: _View) -> NodeId | None:
    count = same_place(node)
    if view[0] is RESHAPE and any(graph.type(i).shape != node.type.shape for i in node.inputs[:count]):
        return None
    operands = tuple(viewed(graph, i, view) for i in node.inputs[:count])
    if any(is_view(graph, i) for i in operands):
        return None
    return graph.add(node.primitive, (*operands, *node.inputs[count:]), node.attributes, node.origin)


def same_place(node: Node) -> int:
    """How many operands of an elementwise or uniform node, the first ones, it needs at its own index."""
    return len(node.inputs) if node.primitive.locality is Locality.ELEMENTWISE else 1


def _joined(graph: Graph, node: Node, view: _View) -> NodeId | None:
    primitive, argument = view
    (axis,) = node.attributes
    if primitive is PERMUTE:
        parts = tuple(viewed(graph, i, view) for i in node.inputs)
        return graph.add(CONCAT, parts, (argument.index(axis),), node.origin)
    row = prod(argument[1:])
    sizes = [prod(graph.type(i).shape) for i in node.inputs]
    # Parts one below the other stay so where each is a whole number of the new rows.
    if axis != 0 or not argument or row == 0 or any(size % row for size in sizes):
        return None
    shapes = [(size // row, *argument[1:]) for size in sizes]
    parts = tuple(viewed(graph, i, (RESHAPE, shape)) for i, shape in zip(node.inputs, shapes, strict=True))
    return graph.add(CONCAT, parts, (0,), node.origin)


def _product(graph: Graph, node: Node) -> NodeId | None:
    """The transpose of a product of low rank: that of its factors, exchanged."""
    left, right = node.inputs
    rows, inner = graph.type(left).shape
    is_low_rank = inner <= min(rows, graph.type(right).shape[-1])
    if len(graph.type(right).shape) != 2 or not is_low_rank:
        return None  # what is streamed would have to be held
    turned = tuple(viewed(graph, i, (PERMUTE, _TRANSPOSED)) for i in (right, left))
    return graph.add(MATMUL, turned, (), node.origin)
