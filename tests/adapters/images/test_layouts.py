"""The tables of names against the conversions of diffusers, on small models of its own."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

import pytest
import torch

from mergec.adapters.images.layout_names import other_names
from mergec.adapters.images.module_place import Piece, Place
from mergec.ir.dtype import DType
from mergec.ir.expression import Tensor
from mergec.ir.graph import Graph
from mergec.ir.primitives import READ
from mergec.ir.strided_view import StridedView

if TYPE_CHECKING:
    from collections.abc import Mapping

diffusers: Any = pytest.importorskip("diffusers", reason="the oracle")
single_file: Any = importlib.import_module("diffusers.loaders.single_file_utils")

Weights = dict[str, torch.Tensor]

SMALL_UNET: dict[str, Any] = {
    "sample_size": 8,
    "layers_per_block": 2,
    "norm_num_groups": 2,
    "cross_attention_dim": 6,
    "attention_head_dim": 2,
}
SD1 = {
    **SMALL_UNET,
    "block_out_channels": (4, 4, 8, 8),
    "down_block_types": (*["CrossAttnDownBlock2D"] * 3, "DownBlock2D"),
    "up_block_types": ("UpBlock2D", *["CrossAttnUpBlock2D"] * 3),
}
SDXL = {
    **SMALL_UNET,
    "block_out_channels": (4, 8, 8),
    "down_block_types": ("DownBlock2D", *["CrossAttnDownBlock2D"] * 2),
    "up_block_types": (*["CrossAttnUpBlock2D"] * 2, "UpBlock2D"),
    "transformer_layers_per_block": (1, 2, 3),
    "use_linear_projection": True,
    "addition_embed_type": "text_time",
    "addition_time_embed_dim": 2,
    "projection_class_embeddings_input_dim": 20,
}
SD3: dict[str, Any] = {
    "sample_size": 4,
    "patch_size": 2,
    "in_channels": 4,
    "num_layers": 3,
    "attention_head_dim": 4,
    "num_attention_heads": 2,
    "joint_attention_dim": 6,
    "caption_projection_dim": 8,
    "pooled_projection_dim": 5,
    "out_channels": 4,
    "pos_embed_max_size": 4,
    "dual_attention_layers": (0, 1),
    "qk_norm": "rms_norm",
}


def distinct(model: torch.nn.Module) -> Weights:
    """The weights of a model, all numbers in them different."""
    start, made = 0.0, {}
    for name, value in model.state_dict().items():
        made[name] = torch.arange(start, start + value.numel(), dtype=torch.float64).reshape(value.shape)
        start += value.numel()
    return made


def symbolic(weights: Mapping[str, torch.Tensor]) -> dict[str, Tensor]:
    """Only names and shapes matter."""
    graph = Graph()
    made = {}
    for number, (name, value) in enumerate(weights.items()):
        view = StridedView.contiguous(number, 0, DType.F32, tuple(value.shape))
        made[name] = Tensor(graph, graph.add(READ, (), (view, 1.0)))
    return made


def renamed(weights: Weights) -> dict[str, torch.Tensor]:
    """The weights and biases under every name that the tables give them in the other layout."""
    base = symbolic(weights)
    modules = {
        name.removesuffix("_weight").removesuffix(".weight"): Place(
            (Piece(name, f"{name.removesuffix('weight')}bias", 0, len(value)),)
        )
        for name, value in weights.items()
        if name.endswith("weight")
    }
    made: dict[str, torch.Tensor] = {}
    for path, place in other_names(modules, base):
        for ending in ("weight", "bias"):
            rows = [
                weights[getattr(piece, ending)][piece.start : piece.start + piece.rows]
                for piece in place.pieces
                if getattr(piece, ending) in weights
            ]
            if rows:
                joint = "_" if path.endswith(".in_proj") else "."
                made[f"{path}{joint}{ending}"] = torch.cat(rows)
    return made


def single_file_of(weights: Weights) -> Weights:
    """A component of diffusers in the original layout."""
    original = renamed(weights)
    for level in range(3):
        # Which of the two an upsampler is depends on whether its level has attention.
        has_attention = f"output_blocks.{3 * level + 2}.1.norm.weight" in original
        for ending in ("weight", "bias"):
            original.pop(f"output_blocks.{3 * level + 2}.{1 if has_attention else 2}.conv.{ending}", None)
    return original


def check(converted: Mapping[str, torch.Tensor], expected: Weights) -> None:
    assert converted.keys() == expected.keys()
    assert all(torch.equal(converted[name], value) for name, value in expected.items())


@pytest.mark.parametrize("config", [SD1, SDXL], ids=["SD 1", "SDXL"])
def test_unets(config: dict[str, Any]) -> None:
    weights = distinct(diffusers.UNet2DConditionModel(**config))
    original = single_file_of(weights)
    prefixed = {f"model.diffusion_model.{name}": value for name, value in original.items()}
    check(single_file.convert_ldm_unet_checkpoint(prefixed, config), weights)
    back = renamed(original)
    for name, value in weights.items():
        assert torch.equal(back[name], value), name


def test_stable_diffusion_3() -> None:
    weights = distinct(diffusers.SD3Transformer2DModel(**SD3))
    original = renamed(weights)
    back = renamed(original)
    converted = single_file.convert_sd3_transformer_checkpoint_to_diffusers(
        {**original, "pos_embed": weights["pos_embed.pos_embed"]}
    )
    check(converted, weights)
    del weights["pos_embed.pos_embed"]
    for name, value in weights.items():
        assert torch.equal(back[name], value), name
    assert torch.equal(
        renamed(weights)["final_layer.adaLN_modulation.1.weight"][0], weights["norm_out.linear.weight"][8]
    )


def test_flux() -> None:
    """Its conversion has the width of the model built in, so that the weights are views of one column."""
    width = 3072

    def weight(rows: int, columns: int) -> torch.Tensor:
        return torch.arange(rows, dtype=torch.int16)[:, None].expand(rows, columns)

    layers = {
        "img_in": (9, 5),
        "txt_in": (9, 7),
        "final_layer.linear": (6, 9),
        "final_layer.adaLN_modulation.1": (18, 9),
        **{
            f"{name}_in.{part}_layer": (9, 9)
            for name in ("time", "vector", "guidance")
            for part in ("in", "out")
        },
        **{
            f"double_blocks.0.{side}_{layer}": shape
            for side in ("img", "txt")
            for layer, shape in {
                "mod.lin": (54, 9),
                "attn.qkv": (27, 9),
                "attn.proj": (9, 9),
                "mlp.0": (36, 9),
                "mlp.2": (9, 36),
            }.items()
        },
        "single_blocks.0.modulation.lin": (3, width),
        "single_blocks.0.linear1": (7 * width, width),
        "single_blocks.0.linear2": (5, 3),
    }
    original = {f"{name}.weight": weight(*shape) for name, shape in layers.items()}
    original |= {f"{name}.bias": weight(*shape)[:, 0] for name, shape in layers.items()}
    norms = [f"double_blocks.0.{side}_attn.norm" for side in ("img", "txt")] + ["single_blocks.0.norm"]
    scales = {f"{norm}.{part}_norm.scale": torch.ones(2) for norm in norms for part in ("query", "key")}
    converted = single_file.convert_flux_transformer_checkpoint_to_diffusers({**original, **scales})
    expected = {name: value for name, value in converted.items() if ".norm_" not in name}
    check(renamed(original), expected)
    back = renamed(expected)
    for name, value in original.items():
        assert torch.equal(back[name], value), name


def test_clip_of_openclip() -> None:
    transformers = pytest.importorskip("transformers")
    config = transformers.CLIPTextConfig(
        vocab_size=9,
        hidden_size=6,
        intermediate_size=10,
        projection_dim=6,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=7,
        bos_token_id=0,
        eos_token_id=1,
    )
    model = transformers.CLIPTextModelWithProjection(config)
    weights = distinct(model)
    original = renamed(weights)
    others = {"text_projection.weight", "text_model.embeddings.position_embedding.weight"}
    prefixed = {f"m.{name}": value for name, value in original.items()}
    converted = single_file.convert_open_clip_checkpoint(model, prefixed, "m.")
    check(converted, {name: value for name, value in weights.items() if name not in others})
    back = renamed(original)
    for name in weights.keys() - others:
        assert torch.equal(back[name], weights[name]), name
