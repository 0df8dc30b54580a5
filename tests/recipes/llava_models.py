"""LLaVA models of transformers: loaded with every tensor in its place, and asked about an image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch

if TYPE_CHECKING:
    from pathlib import Path

transformers: Any = pytest.importorskip("transformers", minversion="5")


def loaded_llava(folder: Path, **changes: Any) -> Any:
    """The model in float32; `changes` are those of `from_pretrained`."""
    model, told = transformers.LlavaForConditionalGeneration.from_pretrained(
        folder, output_loading_info=True, dtype=torch.float32, **changes
    )
    assert not any(told.values()), told
    return model.eval()


def logits(model: Any, seed: int = 0) -> torch.Tensor:
    """What the model makes of an image and some words."""
    vision = model.config.vision_config
    generator = torch.Generator().manual_seed(seed)
    pixels = torch.randn(1, 3, vision.image_size, vision.image_size, generator=generator)
    patches = (vision.image_size // vision.patch_size) ** 2
    words = torch.tensor([[3, 17, *[model.config.image_token_index] * patches, 5, 499]])
    with torch.no_grad():
        found: torch.Tensor = model(input_ids=words, pixel_values=pixels).logits
    return found
