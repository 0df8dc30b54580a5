"""Guesses about attention: queries, keys, values and outputs by their names, heads by config.json."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mergec.symmetries.drafting import module_names as names
from mergec.symmetries.drafting.guess import FIXED, STREAM, Guess

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mergec.ir.strided_view import Shape
    from mergec.symmetries.drafting.model_facts import ModelFacts

_PARTS = ((names.QUERIES, "q"), (names.KEYS, "k"), (names.VALUES, "v"), (names.FUSED, "qkv"))
_SOFTMAX = "what a key's bias adds to all scores of a query the softmax takes away: not matched"


class Attention(NamedTuple):
    """An attention module: its weights' names by their part, `q`, `k`, `v`, `qkv` or `o`."""

    root: str
    weights: Mapping[str, str]


class Layout(NamedTuple):
    """The axis of each part that is not the stream's, the sizes that it names, and why it looks so."""

    axes: Mapping[str, str]
    sizes: Mapping[str, str]
    reason: str
    is_sure: bool


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


def layout_of(attention: Attention, tensors: Mapping[str, Shape], facts: ModelFacts, mark: str) -> Layout:
    """The axes of the parts. `mark` ends the names of groups where a layer has several such modules."""
    if facts.heads is None:
        return _unknown("config.json does not say how many heads there are")
    bound = _bound_to_heads(attention, tensors, facts.heads)
    if bound is not None:
        return _unknown(f"`{bound}` has a number for each head, and may tie the heads of several layers")
    if "o" not in attention.weights:
        return _unknown("no weight by name reads what the heads give")
    width = facts.width or 0
    lengths = {part: _other(tensors[name], width) for part, name in attention.weights.items()}
    if "qkv" in lengths:
        return _fused(attention, lengths, facts, mark)
    if lengths["q"] % facts.heads or lengths["q"] == lengths["k"] * facts.heads // (
        facts.key_heads or facts.heads
    ):
        return _separate(lengths, facts, mark)
    return _unknown(f"{lengths['q']} queries and {lengths['k']} keys do not fit {facts.heads} heads")


def _unknown(reason: str) -> Layout:
    return Layout(dict.fromkeys(("q", "k", "v", "qkv", "o"), FIXED), {}, reason, is_sure=False)


def _separate(lengths: Mapping[str, int], facts: ModelFacts, mark: str) -> Layout:
    h, v = f"h{mark}", f"v{mark}"
    if lengths["q"] % (facts.heads or 1) or (
        lengths["v"] != lengths["k"] and lengths["v"] % (facts.heads or 1)
    ):
        return _unknown(f"its {lengths['q']} queries do not fit {facts.heads} heads")
    if lengths["q"] != lengths["k"]:
        kv, q = f"kv{mark}", f"q{mark}"
        axes = {"q": f"({kv} {q}[{kv}] _)", "k": f"({kv} _)", "v": f"({kv} {v}[{kv}])"}
        axes["o"] = f"({kv} {q}[{kv}] {v}[{kv}])"
        sizes = {kv: facts.key_heads_key, q: f"{facts.heads_key} / {facts.key_heads_key}"}
        reason = "key heads with all that is theirs; inside queries and keys positions may be rotary"
        return Layout(axes, sizes, reason, is_sure=True)
    value = f"({h} {v}[{h}])"
    if facts.has_stored_positions and not facts.is_rotary:
        score, reason = f"({h} qk{mark}[{h}])", "heads, and the order inside them: positions are stored"
    else:
        score, reason = f"({h} _)", "heads; inside queries and keys positions may be rotary"
    return Layout(
        {"q": score, "k": score, "v": value, "o": value}, {h: facts.heads_key}, reason, is_sure=True
    )


def _fused(attention: Attention, lengths: Mapping[str, int], facts: ModelFacts, mark: str) -> Layout:
    h, v = f"h{mark}", f"v{mark}"
    if names.last_word(names.module_of(attention.weights["qkv"])) == "query_key_value":
        reason = "fused head by head, as GPT-NeoX and BLOOM do: a head moves as one block"
        block = f"({h} _)"
        return Layout({"qkv": block, "o": block}, {h: facts.heads_key}, reason, is_sure=False)
    if lengths["qkv"] != 3 * lengths["o"]:
        return _unknown(f"{lengths['qkv']} is not three times {lengths['o']}")
    reason = "as if all queries came first, then all keys, then all values"
    if facts.has_stored_positions and not facts.is_rotary:
        fused = f"({h} qk{mark}[{h}] | {h} qk{mark}[{h}] | {h} {v}[{h}])"
        sizes = {h: facts.heads_key}
    else:
        fused = f"({h} _hd{mark} | {h} _hd{mark} | {h} {v}[{h}])"
        sizes = {h: facts.heads_key, f"_hd{mark}": str(lengths["o"] // (facts.heads or 1))}
    return Layout({"qkv": fused, "o": f"({h} {v}[{h}])"}, sizes, reason, is_sure=False)


def attention_guesses(
    attention: Attention, tensors: Mapping[str, Shape], layout: Layout, width: int, *, inputs_first: bool
) -> dict[str, Guess]:
    """The axes of the weights of an attention module, of their biases, and of norms of queries and keys."""
    made: dict[str, Guess] = {}
    for part, weight in attention.weights.items():
        own, shape = layout.axes[part], tensors[weight]
        stream_first = shape[0] == width if shape[0] != shape[1] else (part == "o") != inputs_first
        axes = (STREAM, own) if stream_first else (own, STREAM)
        if width not in shape:
            made[weight] = Guess((FIXED, FIXED), "no axis has the width of the stream", is_sure=False)
            continue
        made[weight] = Guess(axes, layout.reason, layout.is_sure)
        bias = _bias(weight, tensors)
        if bias is not None:
            text = STREAM if part == "o" else own
            is_key = part == "k" and text != FIXED
            made[bias] = Guess(
                (f"{text}!" if is_key else text,), _SOFTMAX if is_key else layout.reason, layout.is_sure
            )
    return {**made, **_norm_guesses(attention, tensors, layout, width)}


def _norm_guesses(
    attention: Attention, tensors: Mapping[str, Shape], layout: Layout, width: int
) -> dict[str, Guess]:
    """Norms of queries and keys: over one head, whose order stays, or over all of them."""
    made: dict[str, Guess] = {}
    for name, shape in tensors.items():
        if len(shape) != 1 or not names.is_norm(name) or not _is_below(name, attention.root):
            continue
        part = names.last_word(names.module_of(name))[:1]
        if part not in {"q", "k"} or part not in attention.weights:
            continue
        if shape[0] == _other(tensors[attention.weights[part]], width):
            made[name] = Guess((layout.axes[part],), "a norm over all heads", is_sure=layout.is_sure)
        else:
            made[name] = Guess((FIXED,), "one norm for all heads", is_sure=True)
    return made


def _output(root: str, parts: Mapping[str, str], tensors: Mapping[str, Shape]) -> dict[str, str]:
    """The weight that reads what the heads give: beside the queries, or in the module around them."""
    outer = names.parent_of(root)
    for place in (root, outer) if outer else (root,):
        for name, shape in tensors.items():
            module = names.module_of(name)
            is_output = names.last_word(module) in names.OUTPUTS and name not in parts.values()
            if len(shape) == 2 and is_output and _is_below(name, place) and _is_attention(module, root):
                return {"o": name}
    return {}


def _is_attention(module: str, root: str) -> bool:
    """Whether a module belongs to the attention: below its root, or named after it."""
    return (bool(root) and (_is_below(module, root) or "att" in names.parent_of(module).lower())) or not root


def _bound_to_heads(attention: Attention, tensors: Mapping[str, Shape], heads: int) -> str | None:
    """A tensor of the attention that has a number for each head, such as a relative bias."""
    known = {*attention.weights.values()}
    for name, shape in tensors.items():
        is_other = name not in known and not names.is_norm(name) and not name.endswith("bias")
        if _is_below(name, attention.root) and attention.root and is_other and heads in shape:
            return name
    return None


def _is_below(name: str, root: str) -> bool:
    return not root or name.startswith(f"{root}.")


def _bias(weight: str, tensors: Mapping[str, Shape]) -> str | None:
    """The bias beside a weight."""
    name = f"{weight.removesuffix('weight')}bias"
    return name if weight.endswith("weight") and name in tensors else None


def _other(shape: Shape, width: int) -> int:
    """The length of the axis that is not the stream's."""
    return shape[1] if shape[0] == width else shape[0]
