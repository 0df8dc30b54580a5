"""How the units of an attention module fall into heads, by its lengths and config.json."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mergec.symmetries.drafting.guess import FIXED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mergec.symmetries.drafting.model_facts import ModelFacts

_STORED = "heads, and the order inside them: positions are stored"
_ROTARY = "heads; inside queries and keys positions may be rotary"
_NORMED = "heads; inside queries and keys all have one norm"


class Layout(NamedTuple):
    """The axis of each part that is not the stream's, the sizes that it names, and why it looks so.

    `lengths` are those of the axes, where heads were found.
    """

    axes: Mapping[str, str]
    sizes: Mapping[str, str]
    reason: str
    is_sure: bool
    lengths: Mapping[str, int] = {}

    @classmethod
    def unknown(cls, reason: str) -> Layout:
        """All parts stay as they are."""
        return cls(dict.fromkeys(("q", "k", "v", "qkv", "o"), FIXED), {}, reason, is_sure=False)


def head_layout(
    lengths: Mapping[str, int], facts: ModelFacts, mark: str, *, is_by_head: bool, has_norms: bool
) -> Layout:
    """The heads of a module whose parts have these lengths.

    `is_by_head`: a fused weight holds queries, keys and values of one head after another.
    """
    problem = _problem(lengths, facts.heads)
    if problem:
        return Layout.unknown(problem)
    reason = _NORMED if has_norms else _ROTARY
    if facts.has_stored_positions and not facts.is_rotary and not has_norms:
        reason = _STORED
    if "qkv" in lengths:
        return _fused(lengths, facts, mark, is_by_head=is_by_head, reason=reason)
    if lengths["q"] != lengths["k"]:
        return _grouped(lengths, facts, mark, reason)
    h, value = f"h{mark}", f"(h{mark} v{mark}[h{mark}])"
    score = f"({h} qk{mark}[{h}])" if reason == _STORED else f"({h} _)"
    axes = {"q": score, "k": score, "v": value, "o": value}
    return Layout(axes, {h: facts.heads_key}, reason, is_sure=True, lengths=lengths)


def _problem(lengths: Mapping[str, int], heads: int | None) -> str:
    """Why the parts do not fall into that many heads; empty if they do."""
    if heads is None:
        return "config.json does not say how many heads there are"
    if "o" not in lengths:
        return "no weight by name reads what the heads give"
    odd = [lengths[part] for part in ("q", "qkv", "o") if part in lengths and lengths[part] % heads]
    if odd:
        return f"{odd[0]} units do not make {heads} heads"
    if "qkv" not in lengths and lengths["q"] == lengths["k"] and lengths["o"] != lengths["v"]:
        return f"{lengths['v']} values and {lengths['o']} inputs of the output do not fit"
    return ""


def _grouped(lengths: Mapping[str, int], facts: ModelFacts, mark: str, reason: str) -> Layout:
    """Several query heads for each key head."""
    heads, key_heads = facts.heads or 1, facts.key_heads or 0
    fits = key_heads and heads % key_heads == 0 and lengths["q"] * key_heads == lengths["k"] * heads
    if not fits or lengths["v"] % key_heads or lengths["o"] * key_heads != lengths["v"] * heads:
        return Layout.unknown(f"{lengths['q']} queries and {lengths['k']} keys do not fit {heads} heads")
    kv, q, v = f"kv{mark}", f"q{mark}", f"v{mark}"
    axes = {"q": f"({kv} {q}[{kv}] _)", "k": f"({kv} _)", "v": f"({kv} {v}[{kv}])"}
    axes["o"] = f"({kv} {q}[{kv}] {v}[{kv}])"
    sizes = {kv: facts.key_heads_key, q: f"{facts.heads_key} / {facts.key_heads_key}"}
    told = reason if reason != _STORED else _ROTARY
    return Layout(axes, sizes, f"key {told}", is_sure=True, lengths=lengths)


def _fused(
    lengths: Mapping[str, int], facts: ModelFacts, mark: str, *, is_by_head: bool, reason: str
) -> Layout:
    h, v = f"h{mark}", f"v{mark}"
    sizes = {h: facts.heads_key}
    if is_by_head:
        told = "fused head by head, as GPT-NeoX and BLOOM do: a head moves as one block"
        return Layout({"qkv": f"({h} _)", "o": f"({h} _)"}, sizes, told, is_sure=False, lengths=lengths)
    if lengths["qkv"] != 3 * lengths["o"]:
        return Layout.unknown(f"{lengths['qkv']} is not three times {lengths['o']}")
    score = f"{h} qk{mark}[{h}]"
    if reason != _STORED:
        score = f"{h} _hd{mark}"
        sizes[f"_hd{mark}"] = str(lengths["o"] // (facts.heads or 1))
    axes = {"qkv": f"({score} | {score} | {h} {v}[{h}])", "o": f"({h} {v}[{h}])"}
    told = f"as if all queries came first, then all keys, then all values; {reason}"
    return Layout(axes, sizes, told, is_sure=False, lengths=lengths)
