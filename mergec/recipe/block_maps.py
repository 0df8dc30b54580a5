"""The blocks into which the merging community divides image models.

The names and the rules are SuperMerger's, for the original layout and for that of diffusers. Other tools
differ: sd-mecha puts `time_embed` into BASE. Ratios there are the share of the second model, which is what
`t` of `interpolate` is. The maps `lbw-...` divide the same models; they take the lists that LoRA Block Weight
and kohya's scripts use for the strength of a LoRA, which name only the blocks that have such a LoRA.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
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
    for messages, `example` is a name as the rules expect it. `lists` holds the other lists that are
    accepted, told apart by their lengths: the block of each number, None where no block takes it.
    """

    name: str
    summary: str
    example: str
    blocks: tuple[str, ...]
    rules: tuple[tuple[str, str | None], ...]
    lists: tuple[tuple[str | None, ...], ...] = ()

    @cached_property
    def _patterns(self) -> tuple[tuple[Pattern, str | None], ...]:
        return tuple((Pattern.parse(text), block) for text, block in self.rules)

    def listed(self, length: int) -> tuple[str | None, ...] | None:
        """The block of each number in a list of this length; None where no list has it."""
        return next((blocks for blocks in (self.blocks, *self.lists) if len(blocks) == length), None)

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


def _unet_of_diffusers(levels: int) -> tuple[tuple[str, str], ...]:
    """The rules for a U-Net with this many levels of two layers each, alone or in a pipeline.

    Every layer is one block of the original layout. A downsampler is one of its own; an upsampler
    shares that of the layer before it.
    """
    rules = [("(conv_in|time_embedding|add_embedding).**", "IN00"), ("mid_block.**", "M00")]
    for level in range(levels):
        down, up = f"down_blocks.{level}", f"up_blocks.{level}"
        rules += [(f"{down}.(resnets|attentions).{n}.**", f"IN{3 * level + n + 1:02}") for n in range(2)]
        rules += [(f"{up}.(resnets|attentions).{n}.**", f"OUT{3 * level + n:02}") for n in range(3)]
        rules.append((f"{down}.downsamplers.**", f"IN{3 * level + 3:02}"))
        rules.append((f"{up}.upsamplers.**", f"OUT{3 * level + 2:02}"))
    rules.append(("(conv_norm_out|conv_out).**", f"OUT{3 * levels - 1:02}"))
    return tuple((prefix + pattern, block) for prefix in ("unet.", "") for pattern, block in rules)


_UNET = "model.diffusion_model"
_OTHERS_OF_DIFFUSERS = ("(text_encoder|text_encoder_2|text_model|vae).**", "BASE")

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
        *_unet_of_diffusers(4),
        _OTHERS_OF_DIFFUSERS,
        # Text encoder and VAE; noise tables such as `betas` belong to no block.
        ("re:model", "BASE"),
    ),
)

_SDXL_BLOCKS = ("BASE", *_numbered("IN", 9), "M00", *_numbered("OUT", 9))
_SDXL = BlockMap(
    name="sdxl",
    summary="BASE, IN00 to IN08, M00, OUT00 to OUT08",
    example=f"{_UNET}.input_blocks.0.0.weight",
    blocks=_SDXL_BLOCKS,
    rules=(
        (f"{_UNET}.(time_embed|label_emb).**", "IN00"),
        (f"{_UNET}.out.**", "OUT08"),
        (f"{_UNET}.input_blocks.{{i:int}}.**", "IN"),
        (f"{_UNET}.middle_block.**", "M00"),
        (f"{_UNET}.output_blocks.{{i:int}}.**", "OUT"),
        ("conditioner.embedders.(0|1).**", "BASE"),
        ("first_stage_model.**", "BASE"),
        *_unet_of_diffusers(3),
        _OTHERS_OF_DIFFUSERS,
    ),
    lists=(
        # A list of 21 ends with a VAE: the slot exists in lists, but the rules never select it.
        (*_SDXL_BLOCKS, None),
        # An SD 1 preset: the blocks that SDXL has too.
        tuple(block if block in _SDXL_BLOCKS else None for block in _SD1.blocks),
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
        *(
            (prefix + pattern, block)
            for prefix in ("transformer.", "")
            for pattern, block in (
                ("transformer_blocks.{i:int}.**", "D"),
                ("single_transformer_blocks.{i:int}.**", "S"),
                ("(x_embedder|context_embedder|time_text_embed).**", "IN"),
                ("(norm_out|proj_out).**", "OUT"),
            )
        ),
        ("text_encoder.**", "CLIP"),
        ("text_encoder_2.**", "T5"),
    ),
)

# The blocks with cross attention, which is where a plain LoRA has its tensors.
_LBW_SD1 = replace(
    _SD1,
    name="lbw-sd1",
    summary=f"{_SD1.summary}, or of BASE, IN01, IN02, IN04, IN05, IN07, IN08, M00, OUT03 to OUT11",
    lists=(("BASE", "IN01", "IN02", "IN04", "IN05", "IN07", "IN08", "M00", *_numbered("OUT", 12)[3:]),),
)
_LBW_SDXL = replace(
    _SDXL,
    name="lbw-sdxl",
    summary=f"{_SDXL.summary}, or of BASE, IN04, IN05, IN07, IN08, M00, OUT00 to OUT05",
    lists=(("BASE", "IN04", "IN05", "IN07", "IN08", "M00", *_numbered("OUT", 6)),),
)
_LBW_FLUX = replace(_FLUX, name="lbw-flux")

BLOCK_MAPS: dict[str, BlockMap] = {
    block_map.name: block_map for block_map in (_SD1, _SDXL, _FLUX, _LBW_SD1, _LBW_SDXL, _LBW_FLUX)
}
