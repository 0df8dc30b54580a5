"""The blocks into which the merging community divides image models.

The names and the rules are SuperMerger's. Other tools differ: sd-mecha puts `time_embed` into BASE.
Ratios there are the share of the second model, which is what `t` of `interpolate` is.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from mergec.recipe.pattern import Pattern

if TYPE_CHECKING:
    from collections.abc import Collection


@dataclass(frozen=True)
class BlockMap:
    """A division of one kind of model.

    `rules` are pairs of a pattern and a block, first match wins; a pattern that captures `{i:int}` names
    the block's beginning, and None says that no block holds the tensor. `summary` lists the blocks
    for messages, `example` is a name as the rules expect it. `surplus` holds, for each other length
    of list that is accepted, the indices kept.
    """

    name: str
    summary: str
    example: str
    blocks: tuple[str, ...]
    rules: tuple[tuple[str, str | None], ...]
    surplus: tuple[tuple[int, tuple[int, ...]], ...] = ()

    @cached_property
    def _patterns(self) -> tuple[tuple[Pattern, str | None], ...]:
        return tuple((Pattern.parse(text), block) for text, block in self.rules)

    def blocks_of(self, names: Collection[str]) -> dict[str, str]:
        """The block of each tensor that belongs to one, in the order of the names."""
        found: dict[str, str | None] = {}
        for pattern, block in self._patterns:
            bound = pattern.bind(names)
            for name in bound.matches:
                index = bound.index_of(name)
                found.setdefault(name, block if index is None or block is None else f"{block}{index:02}")
        known = frozenset(self.blocks)
        return {name: block for name in names if (block := found.get(name)) is not None and block in known}


def _numbered(prefix: str, count: int) -> tuple[str, ...]:
    return tuple(f"{prefix}{number:02}" for number in range(count))


_UNET = "model.diffusion_model"

_SD1 = BlockMap(
    name="sd1",
    summary="BASE, IN00 to IN11, M00, OUT00 to OUT11",
    example=f"{_UNET}.input_blocks.0.0.weight",
    blocks=("BASE", *_numbered("IN", 12), "M00", *_numbered("OUT", 12)),
    rules=(
        (f"{_UNET}.time_embed.**", "IN00"),
        (f"{_UNET}.out.**", "OUT11"),
        (f"{_UNET}.input_blocks.{{i:int}}.**", "IN"),
        (f"{_UNET}.middle_block.**", "M00"),
        (f"{_UNET}.output_blocks.{{i:int}}.**", "OUT"),
        # Text encoder and VAE; noise tables such as `betas` belong to no block.
        ("re:model", "BASE"),
    ),
)

_SDXL = BlockMap(
    name="sdxl",
    summary="BASE, IN00 to IN08, M00, OUT00 to OUT08",
    example=f"{_UNET}.input_blocks.0.0.weight",
    blocks=("BASE", *_numbered("IN", 9), "M00", *_numbered("OUT", 9)),
    rules=(
        (f"{_UNET}.(time_embed|label_emb).**", "IN00"),
        (f"{_UNET}.out.**", "OUT08"),
        (f"{_UNET}.input_blocks.{{i:int}}.**", "IN"),
        (f"{_UNET}.middle_block.**", "M00"),
        (f"{_UNET}.output_blocks.{{i:int}}.**", "OUT"),
        ("conditioner.embedders.(0|1).**", "BASE"),
        ("first_stage_model.**", "BASE"),
    ),
    surplus=(
        # A list of 21 ends with a VAE: the slot exists in lists, but the rules never select it.
        (21, tuple(range(20))),
        # An SD 1 preset: BASE, IN00 to IN08, M00, OUT00 to OUT08 of its 26.
        (26, (*range(10), 13, *range(14, 23))),
    ),
)

_FLUX = BlockMap(
    name="flux",
    summary="CLIP, T5, IN, D00 to D18, S00 to S37, OUT",
    example="double_blocks.0.img_attn.qkv.weight",
    blocks=("CLIP", "T5", "IN", *_numbered("D", 19), *_numbered("S", 38), "OUT"),
    rules=(
        ("vae.**", None),  # before `*_in`, which its `conv_in` would match
        ("text_encoders.clip*.**", "CLIP"),
        ("text_encoders.t5xxl*.**", "T5"),
        ("**.double_blocks.{i:int}.**", "D"),
        ("**.single_blocks.{i:int}.**", "S"),
        ("**.*_in.**", "IN"),
        ("**.final_layer.**", "OUT"),
    ),
)

BLOCK_MAPS: dict[str, BlockMap] = {block_map.name: block_map for block_map in (_SD1, _SDXL, _FLUX)}
