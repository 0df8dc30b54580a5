"""The LoRA of each block at its strength, against its formula in float64; diffusers loads the U-Net."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

import mergec

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tests.conftest import Array

diffusers: Any = pytest.importorskip("diffusers", reason="loads the result")

UNET = "model.diffusion_model."
BLOCKS = {"input_blocks.4": 0, "input_blocks.5": 0, "input_blocks.7": 0.2, "input_blocks.8": 0.2}
BLOCKS |= {f"output_blocks.{number}": 1 if number < 3 else 0.8 for number in range(6)}
BLOCKS |= {"middle_block.1": 0.3}
SDXL = {
    "sample_size": 8,
    "layers_per_block": 2,
    "norm_num_groups": 16,
    "cross_attention_dim": 104,
    "attention_head_dim": (2, 4, 8),
    "block_out_channels": (16, 32, 64),
    "down_block_types": ("DownBlock2D", *["CrossAttnDownBlock2D"] * 2),
    "up_block_types": (*["CrossAttnUpBlock2D"] * 2, "UpBlock2D"),
    "transformer_layers_per_block": (1, 2, 10),
    "use_linear_projection": True,
    "addition_embed_type": "text_time",
    "addition_time_embed_dim": 16,
    "projection_class_embeddings_input_dim": 160,
}
OPEN_CLIP = {"mlp_fc1": "mlp.c_fc", "mlp_fc2": "mlp.c_proj", "self_attn_out_proj": "attn.out_proj"}


@pytest.fixture(scope="module")
def recipe(copied: Path) -> Path:
    return copied / "kohya-sdxl-blocks"


@pytest.fixture(scope="module")
def made(recipe: Path) -> Path:
    return mergec.load(recipe / "recipe.yaml").build(out=recipe / "merged.safetensors").path


def strength(name: str) -> float:
    """What the recipe gives to a tensor of the base."""
    if not name.startswith(UNET):
        return 0.5
    return BLOCKS[".".join(name.removeprefix(UNET).split(".")[:2])]


def flat_names(name: str) -> tuple[str, ...]:
    """The modules of the adapter that belong to a tensor of the base, from the first row to the last."""
    path = name.removesuffix(".weight").removesuffix("_weight")
    if name.startswith(UNET):
        return ("lora_unet_" + path.removeprefix(UNET).replace(".", "_"),)
    if path.startswith("conditioner.embedders.0.transformer."):
        return ("lora_te1_" + path.removeprefix("conditioner.embedders.0.transformer.").replace(".", "_"),)
    block, _, part = path.removeprefix("conditioner.embedders.1.model.transformer.resblocks.").partition(".")
    at = f"lora_te2_text_model_encoder_layers_{block}_"
    if part == "attn.in_proj":
        return tuple(f"{at}self_attn_{letter}_proj" for letter in "qkv")
    return tuple(at + theirs for theirs, ours in OPEN_CLIP.items() if ours == part)


def change(ink: Mapping[str, Array], name: str) -> Array | None:
    """What the adapter adds to a tensor at strength 1; None where it has nothing for it."""

    def products() -> Iterator[Array]:
        for flat in flat_names(name):
            up, down = (ink[f"{flat}.lora_{part}.weight"].astype(np.float64) for part in ("up", "down"))
            yield float(ink[f"{flat}.alpha"]) / len(down) * (up @ down)

    has_factors = name.endswith("weight") and all(f"{flat}.alpha" in ink for flat in flat_names(name))
    return np.concatenate(list(products())) if has_factors and flat_names(name) else None


def test_each_block_has_its_strength(recipe: Path, made: Path) -> None:
    base, ink = (load_file(recipe / "weights" / f"{name}.safetensors") for name in ("sdxl", "ink"))
    found = load_file(made)
    assert found.keys() == base.keys()
    folded = 0
    for name, before in base.items():
        added = change(ink, name)
        folded += 0 if added is None else len(flat_names(name))
        wanted = before.astype(np.float64) + (0 if added is None else strength(name) * added)
        assert found[name].dtype == np.float16
        np.testing.assert_allclose(found[name], wanted, rtol=2**-11, atol=2**-24, err_msg=name)
    assert folded == len(ink) // 3 == 758


def loaded(file: Path, config: Path) -> Any:
    """The U-Net of a single file as diffusers loads it, with all of its weights."""
    unet = diffusers.UNet2DConditionModel.from_single_file(
        str(file), config=str(config), torch_dtype=torch.float32
    )
    stored = [tensor for name, tensor in load_file(file).items() if name.startswith(UNET)]
    assert len(stored) == len(unet.state_dict()) == 1680
    wanted = sum(float(np.square(tensor, dtype=np.float64).sum()) for tensor in stored)
    assert sum(float(p.double().square().sum()) for p in unet.parameters()) == pytest.approx(wanted, 1e-12)
    return unet


def test_diffusers_loads_and_runs_it(recipe: Path, made: Path) -> None:
    config = recipe / "unet"
    diffusers.UNet2DConditionModel(**SDXL).save_config(config)
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(1, 4, 8, 8, generator=generator)
    text = torch.randn(1, 7, 104, generator=generator)
    added = {"text_embeds": torch.randn(1, 64, generator=generator), "time_ids": torch.ones(1, 6)}
    with torch.no_grad():
        before, after = (
            loaded(file, config)(noise, 10, encoder_hidden_states=text, added_cond_kwargs=added).sample
            for file in (recipe / "weights" / "sdxl.safetensors", made)
        )
    assert after.isfinite().all()
    assert float((after - before).abs().max()) > 1e-3 * float(before.abs().max())
