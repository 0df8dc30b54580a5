"""How alike two parts of names are, by the words that people use for the same thing."""

from __future__ import annotations

import re
from functools import lru_cache

from mergec.recipe.proposals.families import MARK, Segments

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_NUMBER = re.compile(f"{MARK}[a-z]")
# Whole segments whose words alone would mislead.
_SEGMENTS = {
    "input_layernorm": "norm first",
    "attention_norm": "norm first",
    "operator_norm": "norm first",
    "layernorm_before": "norm first",
    "ln_1": "norm first",
    "ln1": "norm first",
    "norm1": "norm first",
    "layer_norm1": "norm first",
    "post_attention_layernorm": "norm second",
    "ffn_norm": "norm second",
    "layernorm_after": "norm second",
    "ln_2": "norm second",
    "ln2": "norm second",
    "norm2": "norm second",
    "layer_norm2": "norm second",
    "encoder_attn": "cross attn",
    "encoder_attn_layer_norm": "cross attn norm",
    "crossattention": "cross attn",
    "encdecattention": "cross attn",
    "tok_embeddings": "embed",
    "embed_tokens": "embed",
    "word_embeddings": "embed",
    "wte": "embed",
    "wpe": "position embed",
    "lm_head": "head",
    "embed_out": "head",
    "ln_f": "final norm",
    "c_fc": "mlp up",
    "fc1": "mlp up",
    "fc_1": "mlp up",
    "fc2": "mlp down",
    "fc_2": "mlp down",
    "w1": "gate",
    "w2": "down",
    "w3": "up",
}
_WORDS = {
    "query": "q",
    "wq": "q",
    "key": "k",
    "wk": "k",
    "value": "v",
    "wv": "v",
    "wo": "out",
    "o": "out",
    "output": "out",
    "attention": "attn",
    "layernorm": "norm",
    "ln": "norm",
    "feed": "mlp",
    "ffn": "mlp",
    "ff": "mlp",
    "fc": "mlp",
    "intermediate": "up",
    "emb": "embed",
    "embedding": "embed",
    "embeddings": "embed",
    "tokens": "embed",
    "pos": "position",
    "positional": "position",
    "positions": "position",
    "visual": "vision",
    "image": "vision",
    "vit": "vision",
    "text": "language",
    "llm": "language",
    "lm": "language",
    "projection": "proj",
    "projector": "proj",
    "enc": "encoder",
    "dec": "decoder",
    "blocks": "layer",
    "block": "layer",
    "layers": "layer",
    "h": "layer",
    "gamma": "weight",
    "kernel": "weight",
    "scale": "weight",
    "beta": "bias",
}
_SAYS_LITTLE = {"proj", "forward", "dense", "linear", "model", "module"}
# Of each of these only one can be meant: a query is never a key.
_EXCLUSIVE = tuple(
    frozenset(words.split())
    for words in ("q k v out", "gate up down", "first second", "weight bias", "mean var", "self cross")
)
_AT_ODDS = tuple(frozenset(words.split()) for words in ("encoder decoder", "vision language audio"))
_FAINT = 0.25


def likeness(one: Segments, other: Segments) -> float:
    """From 0, nothing in common, to 1; below 0 for parts that cannot mean the same."""
    first, second = _words(one), _words(other)
    if any(_differ(first, second, words) for words in _EXCLUSIVE):
        return -1.0
    if not first or not second:
        return 0.0
    total = sum(map(_weight, first)) + sum(map(_weight, second))
    common = 2 * sum(map(_weight, first & second))
    close = sum(_FAINT for a in sorted(first - second) for b in second - first if _begins(a, b))
    odds = sum(_differ(first, second, words) for words in _AT_ODDS)
    return max((common + close) / total - 0.5 * odds, 0.0)


def _differ(first: frozenset[str], second: frozenset[str], words: frozenset[str]) -> bool:
    one, other = first & words, second & words
    return bool(one and other and not one & other)


def _weight(word: str) -> float:
    return _FAINT if word in _SAYS_LITTLE else 1.0


def _begins(one: str, other: str) -> bool:
    return len(one) > 2 and len(other) > 2 and (one.startswith(other) or other.startswith(one))


@lru_cache(maxsize=8192)
def _words(segments: Segments) -> frozenset[str]:
    found: set[str] = set()
    for segment in segments:
        plain = _NUMBER.sub("", segment)
        known = _SEGMENTS.get(plain.lower())
        if known is not None:
            found.update(known.split())
            continue
        words = (word.lower() for word in _WORD.findall(plain))
        found.update(_WORDS.get(word, word) for word in words)
    return frozenset(found)
