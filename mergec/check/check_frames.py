"""In which model's order the units of each value are, and that values in different orders never mix.

An alignment says that the units of one model are in another order than those of its anchor. What is read
of that model is then in a frame of its own, what the alignment makes of it in the anchor's, and arithmetic
keeps the frame of its operands. Where no alignment says otherwise, all models share one frame. Tensors of
the output that share units must be in one frame as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mergec.check.errors import FramesMixed
from mergec.diagnostics import Label
from mergec.ir.primitive import Locality
from mergec.ir.primitives import READ

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping, Sequence

    from mergec.diagnostics import Diagnostic, Span
    from mergec.ir.graph import FrameClaim, Graph, LoweredRecipe, NodeId

# The model whose order it is; None for the order that all share of which nothing else is said.
Frame = str | None


class _Mix(NamedTuple):
    """Operands, or tensors of the output, in two frames, one of which is that of an aligned model."""

    span: Span | None
    own: str
    aligned: NodeId
    other: NodeId


def check_frames(lowered: LoweredRecipe) -> list[Diagnostic]:
    """MC0408 for every place where the units of two models would be mixed, once for each model there."""
    if not lowered.frames:
        return []
    graph = lowered.graph
    roots = [output.node for output in lowered.outputs]
    reachable = graph.reachable(roots)
    live = set(reachable)
    used = {claim.model for claim in lowered.frames if claim.made in live}
    heard = [
        claim
        for claim in lowered.frames
        if claim.model in used and not live.isdisjoint((claim.made, claim.moved))
    ]
    made = {claim.made: claim for claim in heard if claim.made is not None}
    frames: dict[NodeId, Frame] = {}
    mixes = list(_mixes(graph, reachable, _own_frames(graph, heard, made), made, frames))
    found: dict[tuple[Span | None, str], list[_Mix]] = {}
    for mix in mixes or _torn(graph, roots, heard, frames, lowered.span):
        found.setdefault((mix.span, mix.own), []).append(mix)
    return [_diagnostic(told, lowered, made) for told in found.values()]


def _mixes(
    graph: Graph,
    reachable: Sequence[NodeId],
    own: Mapping[NodeId, str],
    made: Mapping[NodeId, FrameClaim],
    frames: dict[NodeId, Frame],
) -> Iterator[_Mix]:
    """Where operands are in two frames. Puts the frame of each node that has one into `frames`."""
    neutral: set[NodeId] = set()
    for node_id in reachable:
        node = graph[node_id]
        if node_id in made:
            frames[node_id] = frames.get(made[node_id].anchor)
            continue
        if node.primitive.locality is Locality.DECISION:
            neutral.add(node_id)  # it compares values in different frames, which is what it is for
            continue
        if not node.inputs:
            frames[node_id] = own.get(node_id)
            if node.primitive is not READ:
                neutral.add(node_id)  # values that are made up have no order
            continue
        operands = [i for i in node.inputs if i not in neutral]
        if not operands:
            neutral.add(node_id)
            continue
        frames[node_id] = next((frames[i] for i in operands if frames[i] is not None), None)
        mix = _mixed(node.origin, operands, frames)
        if mix is not None:
            yield mix
            neutral.add(node_id)  # what is made of it would only tell the same again


def _own_frames(graph: Graph, claims: Sequence[FrameClaim], made: Container[NodeId]) -> dict[NodeId, str]:
    """The frames of what is read of aligned models. All that one tensor is made of shares a frame."""
    own: dict[NodeId, str] = {}
    same: dict[str, str] = {}

    def frame(name: str) -> str:
        while name in same:
            name = same[name]
        return name

    for claim in claims:
        for leaf in _reads(graph, claim.moved, made):
            first, second = frame(own.setdefault(leaf, claim.own)), frame(claim.own)
            if first != second:
                same[second] = first
    return {leaf: frame(name) for leaf, name in own.items()}


def _reads(graph: Graph, root: NodeId, made: Container[NodeId]) -> Iterator[NodeId]:
    """What is read for a value, without what an alignment has put into another order already."""
    stack = [root]
    while stack:
        node_id = stack.pop()
        if node_id in made:
            continue
        if graph[node_id].primitive is READ:
            yield node_id
        stack.extend(graph[node_id].inputs)


def _torn(
    graph: Graph,
    roots: Sequence[NodeId],
    claims: Sequence[FrameClaim],
    frames: Mapping[NodeId, Frame],
    span: Span | None,
) -> Iterator[_Mix]:
    """The roots that share units with others which are in another frame, as after a graft."""
    groups: dict[NodeId, set[str]] = {}
    for claim in claims:
        for leaf in (*graph.leaves(claim.moved), *graph.leaves(claim.anchor)):
            groups.setdefault(leaf, set()).update(claim.groups)
    members: dict[str, list[NodeId]] = {}
    for root in roots:
        for group in sorted({group for leaf in graph.leaves(root) for group in groups.get(leaf, ())}):
            members.setdefault(group, []).append(root)
    told: set[NodeId] = set()
    for nodes in members.values():
        mix = _mixed(span, nodes, frames)
        if mix is not None:
            apart = [node for node in nodes if frames[node] == mix.own and node not in told]
            told.update(apart)
            yield from (mix._replace(aligned=node) for node in apart)


def _mixed(span: Span | None, operands: Sequence[NodeId], frames: Mapping[NodeId, Frame]) -> _Mix | None:
    first = operands[0]
    other = next((i for i in operands if frames[i] != frames[first]), None)
    if other is None:
        return None
    aligned, other = (first, other) if frames[first] is not None else (other, first)
    own = frames[aligned]
    return _Mix(span, own, aligned, other) if own is not None else None


def _diagnostic(
    mixes: Sequence[_Mix], lowered: LoweredRecipe, made: Mapping[NodeId, FrameClaim]
) -> Diagnostic:
    graph = lowered.graph
    first = mixes[0]
    claim = next(claim for claim in lowered.frames if claim.own == first.own)

    def name(node: NodeId) -> tuple[str, str]:
        labelled = (lowered.labels[leaf] for leaf in graph.leaves(node) if leaf in lowered.labels)
        return next(labelled, ("", "a tensor"))

    other = name(first.other)[0] or "the other"
    if other == first.own:
        other = next((made[node].model for node in graph.below(first.other) if node in made), other)
    label = (Label(claim.span, f"`{claim.own}` is aligned here"),) if claim.span is not None else ()
    return FramesMixed(
        span=first.span,
        own=first.own,
        other=other,
        tensor=name(first.aligned)[1],
        more=f" and {len(mixes) - 1} more" if len(mixes) > 1 else "",
        others=label,
        help=f"use `{claim.model}` instead; what is computed from `{claim.own}` is aligned with "
        f"`{{op: align, model: ..., using: {claim.own}, ...}}`",
    )
