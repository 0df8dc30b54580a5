"""The list of layers of a model: its name, its length, and the tensors outside of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mergec.recipe.block_index import block_index

if TYPE_CHECKING:
    from collections.abc import Collection

# What large language models mostly have; it stands in where no checkpoint is at hand.
USUAL = "model.layers"
_USUAL_INSIDE = (
    *("input_layernorm", "post_attention_layernorm", "self_attn.q_proj", "self_attn.k_proj"),
    *("self_attn.v_proj", "self_attn.o_proj", "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"),
    *("ln_1", "ln_2", "attn.c_attn", "attn.c_proj", "mlp.c_fc", "mlp.c_proj"),
    *("attention.self.query", "attention.output.dense", "intermediate.dense", "output.LayerNorm"),
)
_USUAL_OUTSIDE = (
    *("model.embed_tokens", "model.norm", "lm_head", "transformer.wte", "transformer.wpe"),
    *("transformer.ln_f", "gpt_neox.embed_in", "gpt_neox.final_layer_norm", "embed_out"),
    *("embeddings.word_embeddings", "embeddings.LayerNorm"),
)


@dataclass(frozen=True, slots=True)
class LayerList:
    """Where no checkpoint tells, it is not known, and the parts of names are the usual ones.

    `count` is None, too, where several models have different numbers of layers.
    """

    path: str = USUAL
    count: int | None = None
    is_known: bool = False
    inside: frozenset[str] = field(default=frozenset(f"{part}.weight" for part in _USUAL_INSIDE))
    outside: frozenset[str] = field(default=frozenset(f"{part}.weight" for part in _USUAL_OUTSIDE))

    def has_inside(self, part: str) -> bool:
        """Whether the name of a tensor in a layer holds this text."""
        return any(part in f"{self.path}.0.{rest}" for rest in self.inside)

    def has_outside(self, part: str) -> bool:
        """Whether the name of a tensor outside of the layers holds this text."""
        return any(part in name for name in self.outside)


def layer_list(names: Collection[str], path: str | None = None) -> LayerList | None:
    """The list of layers with the most tensors, or the one of this name; None where there is none."""
    places = {name: place for name in names if (place := block_index(name)) is not None}
    counts = Counter(before for before, _ in places.values() if before and path in {None, before[:-1]})
    if not counts:
        return None
    most = max(counts.values())
    before = min(one for one, count in counts.items() if count == most)
    inside = {name: number for name, (one, number) in places.items() if one == before}
    rests = frozenset(name[len(before) :].partition(".")[2] for name in inside)
    outside = frozenset(name for name in names if name not in inside)
    return LayerList(before[:-1], 1 + max(inside.values()), is_known=True, inside=rests, outside=outside)
