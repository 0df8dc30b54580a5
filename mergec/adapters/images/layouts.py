"""The two ways in which the parts of image models name their layers: the original and diffusers'.

Data only, in terms of one component without its prefix. `{i}` stands for a number and `{rest}` for
any further path; they are the same on both sides of a pair. Several names on the diffusers side are
parts, row after row, of the one weight on the original side.

Source: the conversions of diffusers 0.42, against which the tests hold these tables.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class Rows(Enum):
    """How the rows of the original weight lie in the weights of the other layout."""

    SAME = "one weight is the other"
    EQUAL = "parts of equal size"
    WIDTHS = "parts as high as the weight is wide, and a last one with what remains"
    SHIFT_AND_SCALE = "one weight; halves exchanged where it is twice as high as wide"


class Pair(NamedTuple):
    """One module of the original layout and what it is in diffusers'."""

    original: str
    diffusers: tuple[str, ...]
    rows: Rows = Rows.SAME


class Layout(NamedTuple):
    """A kind of component. A name that starts so shows that a checkpoint has it, in which layout."""

    name: str
    original_sign: str
    diffusers_sign: str
    pairs: tuple[Pair, ...]


def _same(pairs: dict[str, str]) -> tuple[Pair, ...]:
    return tuple(Pair(original, (other,)) for original, other in pairs.items())


def _projections(block: str, names: str) -> tuple[str, ...]:
    return tuple(f"{block}.{name}" for name in names.split())


_RESNET = {
    "in_layers.0": "norm1",
    "in_layers.2": "conv1",
    "emb_layers.1": "time_emb_proj",
    "out_layers.0": "norm2",
    "out_layers.3": "conv2",
    "skip_connection": "conv_shortcut",
}


def _resnet(original: str, other: str) -> dict[str, str]:
    return {f"{original}.{mine}": f"{other}.{theirs}" for mine, theirs in _RESNET.items()}


def _unet() -> dict[str, str]:
    """Two residual layers in each of up to four levels down, three in each up: SD 1, SD 2 and SDXL."""
    pairs = {
        "time_embed.0": "time_embedding.linear_1",
        "time_embed.2": "time_embedding.linear_2",
        "label_emb.0.0": "add_embedding.linear_1",
        "label_emb.0.2": "add_embedding.linear_2",
        "input_blocks.0.0": "conv_in",
        "out.0": "conv_norm_out",
        "out.2": "conv_out",
        "middle_block.1.{rest}": "mid_block.attentions.0.{rest}",
        **_resnet("middle_block.0", "mid_block.resnets.0"),
        **_resnet("middle_block.2", "mid_block.resnets.1"),
    }
    for level in range(4):
        down, up = f"down_blocks.{level}", f"up_blocks.{level}"
        for layer in range(3):
            block = f"input_blocks.{3 * level + layer + 1}"
            if layer < 2:
                pairs |= _resnet(f"{block}.0", f"{down}.resnets.{layer}")
                pairs[f"{block}.1.{{rest}}"] = f"{down}.attentions.{layer}.{{rest}}"
            else:
                pairs[f"{block}.0.op"] = f"{down}.downsamplers.0.conv"
            block = f"output_blocks.{3 * level + layer}"
            pairs |= _resnet(f"{block}.0", f"{up}.resnets.{layer}")
            pairs[f"{block}.1.{{rest}}"] = f"{up}.attentions.{layer}.{{rest}}"
        # The upsampler follows the attention, on levels that have one.
        pairs[f"output_blocks.{3 * level + 2}.1.conv"] = f"{up}.upsamplers.0.conv"
        pairs[f"output_blocks.{3 * level + 2}.2.conv"] = f"{up}.upsamplers.0.conv"
    return pairs


_CLIP = {
    "token_embedding": "text_model.embeddings.token_embedding",
    "ln_final": "text_model.final_layer_norm",
    "transformer.resblocks.{i}.ln_1": "text_model.encoder.layers.{i}.layer_norm1",
    "transformer.resblocks.{i}.ln_2": "text_model.encoder.layers.{i}.layer_norm2",
    "transformer.resblocks.{i}.mlp.c_fc": "text_model.encoder.layers.{i}.mlp.fc1",
    "transformer.resblocks.{i}.mlp.c_proj": "text_model.encoder.layers.{i}.mlp.fc2",
    "transformer.resblocks.{i}.attn.out_proj": "text_model.encoder.layers.{i}.self_attn.out_proj",
}


_SD3 = {
    "x_embedder.proj": "pos_embed.proj",
    "context_embedder": "context_embedder",
    "final_layer.linear": "proj_out",
    **{f"t_embedder.mlp.{2 * n}": f"time_text_embed.timestep_embedder.linear_{n + 1}" for n in range(2)},
    **{f"y_embedder.mlp.{2 * n}": f"time_text_embed.text_embedder.linear_{n + 1}" for n in range(2)},
    "joint_blocks.{i}.x_block.attn.proj": "transformer_blocks.{i}.attn.to_out.0",
    "joint_blocks.{i}.x_block.attn2.proj": "transformer_blocks.{i}.attn2.to_out.0",
    "joint_blocks.{i}.context_block.attn.proj": "transformer_blocks.{i}.attn.to_add_out",
    "joint_blocks.{i}.x_block.mlp.fc1": "transformer_blocks.{i}.ff.net.0.proj",
    "joint_blocks.{i}.x_block.mlp.fc2": "transformer_blocks.{i}.ff.net.2",
    "joint_blocks.{i}.context_block.mlp.fc1": "transformer_blocks.{i}.ff_context.net.0.proj",
    "joint_blocks.{i}.context_block.mlp.fc2": "transformer_blocks.{i}.ff_context.net.2",
    "joint_blocks.{i}.x_block.adaLN_modulation.1": "transformer_blocks.{i}.norm1.linear",
    "joint_blocks.{i}.x_block.attn.ln_q": "transformer_blocks.{i}.attn.norm_q",
    "joint_blocks.{i}.x_block.attn.ln_k": "transformer_blocks.{i}.attn.norm_k",
    "joint_blocks.{i}.x_block.attn2.ln_q": "transformer_blocks.{i}.attn2.norm_q",
    "joint_blocks.{i}.x_block.attn2.ln_k": "transformer_blocks.{i}.attn2.norm_k",
    "joint_blocks.{i}.context_block.attn.ln_q": "transformer_blocks.{i}.attn.norm_added_q",
    "joint_blocks.{i}.context_block.attn.ln_k": "transformer_blocks.{i}.attn.norm_added_k",
}

_FLUX = {
    "img_in": "x_embedder",
    "txt_in": "context_embedder",
    "final_layer.linear": "proj_out",
    **{
        f"{mine}_in.{part}_layer": f"time_text_embed.{theirs}_embedder.linear_{n}"
        for mine, theirs in {"time": "timestep", "vector": "text", "guidance": "guidance"}.items()
        for n, part in enumerate(("in", "out"), 1)
    },
    "double_blocks.{i}.img_mod.lin": "transformer_blocks.{i}.norm1.linear",
    "double_blocks.{i}.txt_mod.lin": "transformer_blocks.{i}.norm1_context.linear",
    "double_blocks.{i}.img_attn.proj": "transformer_blocks.{i}.attn.to_out.0",
    "double_blocks.{i}.txt_attn.proj": "transformer_blocks.{i}.attn.to_add_out",
    "double_blocks.{i}.img_mlp.0": "transformer_blocks.{i}.ff.net.0.proj",
    "double_blocks.{i}.img_mlp.2": "transformer_blocks.{i}.ff.net.2",
    "double_blocks.{i}.txt_mlp.0": "transformer_blocks.{i}.ff_context.net.0.proj",
    "double_blocks.{i}.txt_mlp.2": "transformer_blocks.{i}.ff_context.net.2",
    "single_blocks.{i}.modulation.lin": "single_transformer_blocks.{i}.norm.linear",
    "single_blocks.{i}.linear2": "single_transformer_blocks.{i}.proj_out",
}

_TO = "to_q to_k to_v"
_ADDED = "add_q_proj add_k_proj add_v_proj"

LAYOUTS = (
    Layout("a UNet", "input_blocks.", "down_blocks.", _same(_unet())),
    Layout(
        "a CLIP text encoder",
        "transformer.resblocks.",
        "text_model.encoder.layers.",
        (
            *_same(_CLIP),
            Pair(
                "transformer.resblocks.{i}.attn.in_proj",
                _projections("text_model.encoder.layers.{i}.self_attn", "q_proj k_proj v_proj"),
                Rows.EQUAL,
            ),
        ),
    ),
    # transformers 5 leaves `text_model` out where there is no projection behind it.
    Layout(
        "a CLIP text encoder of transformers 5",
        "text_model.encoder.layers.",
        "encoder.layers.",
        _same({"text_model.{rest}": "{rest}"}),
    ),
    Layout(
        "a Stable Diffusion 3 transformer",
        "joint_blocks.",
        "pos_embed.proj",
        (
            *_same(_SD3),
            *(
                Pair(
                    f"joint_blocks.{{i}}.{block}.qkv",
                    _projections(f"transformer_blocks.{{i}}.{attention}", names),
                    Rows.EQUAL,
                )
                for block, attention, names in (
                    ("x_block.attn", "attn", _TO),
                    ("x_block.attn2", "attn2", _TO),
                    ("context_block.attn", "attn", _ADDED),
                )
            ),
            Pair(
                "joint_blocks.{i}.context_block.adaLN_modulation.1",
                ("transformer_blocks.{i}.norm1_context.linear",),
                Rows.SHIFT_AND_SCALE,
            ),
            Pair("final_layer.adaLN_modulation.1", ("norm_out.linear",), Rows.SHIFT_AND_SCALE),
        ),
    ),
    Layout(
        "a Flux transformer",
        "double_blocks.",
        "single_transformer_blocks.",
        (
            *_same(_FLUX),
            *(
                Pair(
                    f"double_blocks.{{i}}.{block}.qkv",
                    _projections("transformer_blocks.{i}.attn", names),
                    Rows.EQUAL,
                )
                for block, names in (("img_attn", _TO), ("txt_attn", _ADDED))
            ),
            Pair(
                "single_blocks.{i}.linear1",
                (
                    *_projections("single_transformer_blocks.{i}.attn", _TO),
                    "single_transformer_blocks.{i}.proj_mlp",
                ),
                Rows.WIDTHS,
            ),
            Pair("final_layer.adaLN_modulation.1", ("norm_out.linear",), Rows.SHIFT_AND_SCALE),
        ),
    ),
)
