"""What config.json and the shapes tell of a transformer: its stream's width, its heads, its positions."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mergec.ir.tied_names import TIED

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mergec.ir.strided_view import Shape
    from mergec.symmetries.drafting.name_tree import Node
    from mergec.symmetries.model_shape import ModelShape

_WIDTHS = ("hidden_size", "d_model", "n_embd", "dim", "embed_dim", "hidden_dim", "width")
_HEADS = ("num_attention_heads", "n_head", "num_heads", "n_heads", "encoder_attention_heads", "nhead")
_KEY_HEADS = ("num_key_value_heads", "n_kv_heads", "num_kv_heads")
_ROTARY = (
    "rope_theta",
    "rotary_pct",
    "rope_parameters",
    "rope_scaling",
    "rotary_dim",
    "partial_rotary_factor",
)
_POSITIONS = ("position", "pos_emb", "pos_embed", "wpe")


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """Numbers that the draft rests on, each with where it comes from; None where nothing tells it."""

    width: int | None
    width_from: str
    heads: int | None = None
    heads_key: str = ""
    key_heads: int | None = None
    key_heads_key: str = ""
    has_stored_positions: bool = False
    is_rotary: bool = False
    is_tied: bool = False


def model_facts(model: ModelShape, tree: Node) -> ModelFacts:
    """Read the facts of a model with this tree of names."""
    heads_key, heads = _first(model.config, _HEADS)
    decoder_heads = model.config.get("decoder_attention_heads", heads)
    if decoder_heads != heads:  # which of them a layer has, no name tells for certain
        heads_key, heads = "", None
    key_heads_key, key_heads = _first(model.config, _KEY_HEADS)
    width, width_from = _width(model, tree)
    stored = any(mark in name.lower() for name in model.tensors for mark in _POSITIONS)
    return ModelFacts(
        width,
        width_from,
        heads,
        heads_key,
        key_heads,
        key_heads_key,
        has_stored_positions=stored,
        is_rotary=any(key in model.config for key in _ROTARY),
        is_tied=model.config.get(TIED) is True,
    )


def _width(model: ModelShape, tree: Node) -> tuple[int | None, str]:
    """The width of the residual stream: config.json's, or the size that most weights of the layers have."""
    sizes = Counter(size for shape in _inside(tree) if len(shape) > 1 for size in set(shape))
    key, told = _first(model.config, _WIDTHS)
    if told is not None and sizes[told]:
        return told, f"`{key}` of config.json"
    if not sizes:
        return None, ""
    most = max(sizes.values())
    width = max(size for size, count in sizes.items() if count == most)
    return width, f"most weights of the layers have an axis of {width}"


def _inside(node: Node) -> Iterator[Shape]:
    """The shapes of what stands in layers."""
    for run in node.runs:
        yield from run.inside.tensors.values()
        yield from _inside(run.inside)


def _first(config: Mapping[str, object], keys: tuple[str, ...]) -> tuple[str, int | None]:
    for key in keys:
        value = config.get(key)
        if isinstance(value, int) and not isinstance(value, bool) and value > 0:
            return key, value
    return "", None
