"""Write two tiny checkpoints with the names of Stable Diffusion 1: every block, each a few weights wide."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import torch
from safetensors.torch import save_file
from torch import Tensor

WEIGHTS: Final = Path(__file__).with_name("weights")
WIDTH: Final = 8
UNET: Final = "model.diffusion_model"


def unet_modules() -> Iterator[str]:
    """The weight-bearing modules of the U-Net, one or two for each of its 25 blocks."""
    yield "time_embed.0"
    for block in range(12):
        # The first block is a convolution, and every third one halves the resolution.
        inner = {0: "0", 3: "0.op", 6: "0.op", 9: "0.op"}.get(block, "0.in_layers.2")
        yield f"input_blocks.{block}.{inner}"
        if inner == "0.in_layers.2" and block < 9:
            yield f"input_blocks.{block}.1.transformer_blocks.0.attn1.to_out.0"
    yield "middle_block.0.in_layers.2"
    yield "middle_block.1.transformer_blocks.0.attn1.to_out.0"
    for block in range(12):
        yield f"output_blocks.{block}.0.in_layers.2"
        if block >= 3:
            yield f"output_blocks.{block}.1.transformer_blocks.0.attn1.to_out.0"
    yield "out.2"


def checkpoint(seed: int) -> dict[str, Tensor]:
    """The tensors of one checkpoint: U-Net, image decoder and text encoder."""
    random = torch.Generator().manual_seed(seed)
    modules = [f"{UNET}.{module}" for module in unet_modules()]
    modules += ["first_stage_model.decoder.conv_in", "first_stage_model.encoder.conv_in"]
    text = "cond_stage_model.transformer.text_model"
    modules += [f"{text}.encoder.layers.{layer}.mlp.fc1" for layer in range(2)]
    tensors = {f"{text}.embeddings.position_ids": torch.arange(77)[None]}
    for module in modules:
        tensors[f"{module}.weight"] = torch.randn(WIDTH, WIDTH, generator=random).half()
        tensors[f"{module}.bias"] = torch.randn(WIDTH, generator=random).half()
    return tensors


def main() -> None:
    """Write both."""
    WEIGHTS.mkdir(exist_ok=True)
    for seed, name in enumerate(("composition", "detail")):
        save_file(checkpoint(seed), WEIGHTS / f"{name}.safetensors", metadata={"format": "pt"})


if __name__ == "__main__":
    main()
