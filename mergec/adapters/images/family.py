"""Which family of image models an adapter or a base belongs to."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mergec.adapters.image_errors import AnotherFamily
from mergec.diagnostics import safe

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mergec.adapters.adapter import Adapter
    from mergec.ir.expression import Tensor

# Texts that trainers write into `ss_base_model_version` and `modelspec.architecture`.
_SAID = {
    "stable-diffusion-xl": "SDXL",
    "sdxl": "SDXL",
    "stable-diffusion-v1": "SD 1",
    "sd_v1": "SD 1",
    "stable-diffusion-v2": "SD 2",
    "sd_v2": "SD 2",
    "stable-diffusion-3": "SD 3",
    "sd3": "SD 3",
    "flux": "Flux",
}
_KEYS = ("ss_base_model_version", "modelspec.architecture")
# Parts of names that only one family has, with dots as `_`.
_NAMES = {
    "joint_blocks_0_": "SD 3",
    "double_blocks_0_": "Flux",
    "single_transformer_blocks_0_": "Flux",
    "label_emb_0_0": "SDXL",
    "add_embedding_linear_1": "SDXL",
    "input_blocks_4_1_transformer_blocks_1_": "SDXL",
    "down_blocks_1_attentions_0_transformer_blocks_1_": "SDXL",
}
# The width of the text that a UNet attends to.
_WIDTHS = {768: "SD 1", 1024: "SD 2", 2048: "SDXL"}
_TEXT_INPUTS = ("attn2_to_k_", "attn2_to_v_")
_UNET = ("input_blocks_", "down_blocks_", "middle_block_", "mid_block_", "output_blocks_", "up_blocks_")


class _Evidence(NamedTuple):
    family: str
    why: str


def family_problem(adapter: Adapter, base: Mapping[str, Tensor]) -> AnotherFamily | None:
    """The mistake of folding an adapter into a base of another family; None if nothing shows it."""
    mine = next(_evidence(adapter.tensors, adapter.facts.metadata), None)
    theirs = next(_evidence(base, {}), None)
    if mine is None or theirs is None or mine.family == theirs.family:
        return None
    return AnotherFamily(
        adapter=adapter.name,
        made_for=mine.family,
        found=theirs.family,
        span=adapter.span,
        notes=(safe(f"the adapter: {mine.why}"), safe(f"the base: {theirs.why}")),
        help=f"take an adapter for {theirs.family}, or a base of {mine.family}",
    )


def _evidence(tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> Iterator[_Evidence]:
    """What shows a family, the surest first."""
    for name, tensor in tensors.items():
        flat = name.replace(".", "_")
        for part, family in _NAMES.items():
            if part in flat:
                yield _Evidence(family, f"`{name}` is a name of {family} only")
        is_input = any(part in flat for part in _UNET) and any(part in flat for part in _TEXT_INPUTS)
        width = tensor.shape[1] if len(tensor.shape) == 2 else None
        if is_input and width in _WIDTHS and "_up_" not in flat and "lora_B" not in name:
            yield _Evidence(_WIDTHS[width], f"`{name}` takes a text of width {width}")
    for key in _KEYS:
        said = metadata.get(key, "")
        for text, family in _SAID.items():
            if text in said:
                yield _Evidence(family, f"its header says `{key}`: {said}")
