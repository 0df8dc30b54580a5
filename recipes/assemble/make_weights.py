"""Write a tiny language model, and the training checkpoint of a tiny image-text model."""

from pathlib import Path
from typing import Final

import torch
from safetensors.torch import save_file
from torch import Generator, Tensor

WEIGHTS: Final = Path(__file__).with_name("weights")
LANGUAGE_WIDTH: Final = 48
VISION_WIDTH: Final = 24


def normal(random: Generator, *shape: int) -> Tensor:
    """Small random weights."""
    return torch.randn(*shape, generator=random) * 0.02


def language(random: Generator) -> dict[str, Tensor]:
    """A language model of two layers, in bfloat16."""
    width = LANGUAGE_WIDTH
    tensors = {"model.embed_tokens.weight": normal(random, 100, width)}
    for layer in range(2):
        at = f"model.layers.{layer}"
        tensors[f"{at}.input_layernorm.weight"] = torch.ones(width)
        for projection in ("q_proj", "k_proj", "v_proj", "o_proj"):
            tensors[f"{at}.self_attn.{projection}.weight"] = normal(random, width, width)
    tensors |= {"model.norm.weight": torch.ones(width), "lm_head.weight": normal(random, 100, width)}
    return {name: tensor.bfloat16() for name, tensor in tensors.items()}


def image_text(random: Generator) -> dict[str, Tensor]:
    """An image encoder under `visual.`, and the text tower that it was trained against."""
    width = VISION_WIDTH
    tensors = {"visual.patch_embed.proj.weight": normal(random, width, 3, 4, 4)}
    for block in range(2):
        for part in ("attn.qkv", "mlp.fc1"):
            tensors[f"visual.blocks.{block}.{part}.weight"] = normal(random, 3 * width, width)
            tensors[f"visual.blocks.{block}.{part}.bias"] = torch.zeros(3 * width)
    tensors["text.token_embedding.weight"] = normal(random, 100, width)
    return tensors


def main() -> None:
    """Write both."""
    WEIGHTS.mkdir(exist_ok=True)
    random = Generator().manual_seed(0)
    save_file(language(random), WEIGHTS / "language.safetensors", metadata={"format": "pt"})
    weights = image_text(random)
    moments = {name: torch.zeros_like(tensor) for name, tensor in weights.items()}
    torch.save({"model": weights, "optimizer": moments, "epoch": 3}, WEIGHTS / "vision.pth")


if __name__ == "__main__":
    main()
