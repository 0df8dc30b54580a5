"""Attention modules among the tensors of a layer, and the axes of what belongs to them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mergec.symmetries.drafting import module_names as names
from mergec.symmetries.drafting.guess import FIXED, STREAM, Guess
from mergec.symmetries.drafting.heads import Layout, head_layout

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mergec.ir.strided_view import Shape
    from mergec.symmetries.drafting.model_facts import ModelFacts

_PARTS = ((names.QUERIES, "q"), (names.KEYS, "k"), (names.VALUES, "v"), (names.FUSED, "qkv"))
_SOFTMAX = "what a key's bias adds to all scores of a query the softmax takes away: not matched"


class Attention(NamedTuple):
    """An attention module: its weights' names by their part, `q`, `k`, `v`, `qkv` or `o`."""

    root: str
    weights: Mapping[str, str]


def attentions(tensors: Mapping[str, Shape]) -> list[Attention]:
    """The attention modules among the tensors of a layer."""
    found: dict[str, dict[str, str]] = {}
    for name, shape in tensors.items():
        module = names.module_of(name)
        for known, part in _PARTS:
            if len(shape) == 2 and names.last_word(module) in known:
                found.setdefault(names.parent_of(module), {}).setdefault(part, name)
    return [
        Attention(root, {**parts, **_output(root, parts, tensors)})
        for root, parts in found.items()
        if "qkv" in parts or {"q", "k", "v"} <= parts.keys()
    ]


def attention_guesses(
    attention: Attention, tensors: Mapping[str, Shape], facts: ModelFacts, mark: str, *, inputs_first: bool
) -> tuple[dict[str, Guess], Mapping[str, str]]:
    """The axes of a module's weights, their biases and its norms; and the sizes that these name.

    `mark` ends the names of groups where a layer has several such modules.
    """
    norms = dict(_head_norms(attention, tensors))
    layout = _layout(attention, tensors, facts, norms, mark)
    made: dict[str, Guess] = {}
    for part, weight in attention.weights.items():
        own, shape = layout.axes[part], tensors[weight]
        stream_first = shape[0] == facts.width if shape[0] != shape[1] else (part == "o") != inputs_first
        axes = (STREAM, own) if stream_first else (own, STREAM)
        reads = facts.width in shape
        made[weight] = Guess(axes if reads else (FIXED, FIXED), layout.reason, layout.is_sure)
        bias = _bias(weight, tensors)
        if bias is not None:
            made[bias] = _bias_guess(part, STREAM if part == "o" else own, layout)
    for name, part in norms.items():
        made[name] = _norm_guess(part, tensors[name], attention, tensors, layout)
    return made, layout.sizes


def _layout(
    attention: Attention,
    tensors: Mapping[str, Shape],
    facts: ModelFacts,
    norms: Mapping[str, str],
    mark: str,
) -> Layout:
    width = facts.width or 0
    shapes = {part: tensors[weight] for part, weight in attention.weights.items()}
    if any(width not in shape for shape in shapes.values()):
        return Layout.unknown("a weight of it has no axis as wide as the stream")
    lengths = {part: _other(shape, width) for part, shape in shapes.items()}
    numbers = {
        facts.heads,
        facts.key_heads,
        *lengths.values(),
        *(length // (facts.heads or 1) for length in lengths.values()),
    }
    for name in _strangers(attention, tensors, norms):
        if not numbers.isdisjoint(tensors[name]):
            return Layout.unknown(f"`{name}` may have a number for each head, or for each of its units")
    is_by_head = names.last_word(names.module_of(attention.weights.get("qkv", ""))) == "query_key_value"
    return head_layout(lengths, facts, mark, is_by_head=is_by_head, has_norms=bool(norms))


def _bias_guess(part: str, axis: str, layout: Layout) -> Guess:
    if part == "k" and axis != FIXED:
        return Guess((f"{axis}!",), _SOFTMAX, layout.is_sure)
    return Guess((axis,), layout.reason, layout.is_sure)


def _norm_guess(
    part: str, shape: Shape, attention: Attention, tensors: Mapping[str, Shape], layout: Layout
) -> Guess:
    """A norm of queries or keys: over all heads, or one for each of them, whose order stays."""
    weight = attention.weights.get(part)
    if weight is not None and shape[0] in tensors[weight] and shape[0] == layout.lengths.get(part):
        return Guess((layout.axes[part],), "a norm over all heads", layout.is_sure)
    is_one = shape[0] < min(layout.lengths.values(), default=0)
    return Guess((FIXED,), "one norm for all heads" if is_one else layout.reason, is_one)


def _head_norms(attention: Attention, tensors: Mapping[str, Shape]) -> Iterator[tuple[str, str]]:
    """The norms of queries and keys, each with its part."""
    for name, shape in tensors.items():
        part = names.last_word(names.module_of(name))[:1]
        if len(shape) == 1 and names.is_norm(name) and part in {"q", "k"} and _is_below(name, attention.root):
            yield name, part


def _strangers(attention: Attention, tensors: Mapping[str, Shape], norms: Mapping[str, str]) -> Iterator[str]:
    """What else the module holds: relative biases, slopes, biases under names of their own."""
    known = {*attention.weights.values(), *norms}
    known |= {bias for weight in attention.weights.values() if (bias := _bias(weight, tensors)) is not None}
    for name in tensors:
        if (
            attention.root
            and _is_below(name, attention.root)
            and name not in known
            and not names.is_norm(name)
        ):
            yield name


def _output(root: str, parts: Mapping[str, str], tensors: Mapping[str, Shape]) -> dict[str, str]:
    """The weight that reads what the heads give: beside the queries, or in the module around them."""
    outer = names.parent_of(root)
    for place in (root, outer) if outer else (root,):
        for name, shape in tensors.items():
            module = names.module_of(name)
            if len(shape) != 2 or name in parts.values() or not _is_below(name, place):
                continue
            word = names.last_word(module)
            if word in names.OUTPUTS and (place or "att" in word or word in names.PLAIN_OUTPUTS):
                return {"o": name}
    return {}


def _is_below(name: str, root: str) -> bool:
    return not root or name.startswith(f"{root}.")


def _bias(weight: str, tensors: Mapping[str, Shape]) -> str | None:
    """The bias beside a weight."""
    name = f"{weight.removesuffix('weight')}bias"
    return name if weight.endswith("weight") and name in tensors else None


def _other(shape: Shape, width: int) -> int:
    """The length of the axis that is not the stream's."""
    return shape[1] if shape[0] == width else shape[0]
