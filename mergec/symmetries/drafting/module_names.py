"""What models call their modules: queries, keys, values, norms and the two halves of a feed-forward part."""

from __future__ import annotations

import re

QUERIES = {"q", "query", "q_proj", "wq", "to_q", "q_lin", "query_proj", "linear_q", "attn_q", "q_linear"}
KEYS = {"k", "key", "k_proj", "wk", "to_k", "k_lin", "key_proj", "linear_k", "attn_k", "k_linear"}
VALUES = {"v", "value", "v_proj", "wv", "to_v", "v_lin", "value_proj", "linear_v", "attn_v", "v_linear"}
FUSED = {"qkv", "c_attn", "in_proj", "query_key_value", "wqkv", "qkv_proj", "to_qkv", "attn_qkv"}
OUTPUTS = {
    "o", "out", "o_proj", "out_proj", "wo", "to_out", "out_lin", "proj", "c_proj", "dense", "attn_output",
    "linear_out", "output", "attn_out",
}  # fmt: skip
# Those that no other module is called.
PLAIN_OUTPUTS = {"o", "o_proj", "out_proj", "wo", "to_out", "out_lin", "linear_out"}
UPS = {
    "up", "gate", "up_proj", "gate_proj", "fc1", "fc_in", "w1", "w3", "wi", "wi_0", "wi_1", "c_fc", "lin1",
    "linear1", "linear_1", "dense_h_to_4h", "intermediate", "ffn_up", "ffn_gate",
}  # fmt: skip
DOWNS = {
    "down", "down_proj", "fc2", "fc_out", "w2", "wo", "c_proj", "lin2", "linear2", "linear_2", "output",
    "dense_4h_to_h", "ffn_down",
}  # fmt: skip
_NORM = re.compile(r"(?:^|[._])(?:\w*norm\w*|ln(?:_?\w{1,6})?)(?:[._]|$)", re.IGNORECASE)
_LEAF = re.compile(r"[._](?:weight|bias)$")


def module_of(name: str) -> str:
    """The module that a weight or bias belongs to: `attn.in_proj` of `attn.in_proj_weight` too."""
    return _LEAF.sub("", name)


def last_word(module: str) -> str:
    """The last segment of a module that is no number, in small letters: `to_out` of `attn.to_out.0`."""
    words = [segment for segment in module.split(".") if not segment.isdigit()]
    return words[-1].lower() if words else ""


def parent_of(module: str) -> str:
    """What stands before the last segment that is no number."""
    segments = module.split(".")
    while segments and segments[-1].isdigit():
        segments.pop()
    return ".".join(segments[:-1])


def is_norm(name: str) -> bool:
    """Whether the name speaks of a normalisation."""
    return bool(_NORM.search(module_of(name)))
