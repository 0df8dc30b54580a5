"""Small models, adapters that PEFT makes and saves for them, and what PEFT's own merge makes of both."""

from __future__ import annotations

import copy
import json
import warnings
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

if TYPE_CHECKING:
    from pathlib import Path

    from peft import PeftConfig

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import peft

State = dict[str, torch.Tensor]


class Layers(nn.Module):
    """One layer of each kind that adapters know."""

    def __init__(self) -> None:
        """Draw the weights from the global generator."""
        super().__init__()
        self.config = {"model_type": "custom", "tie_word_embeddings": False}
        self.embed = nn.Embedding(20, 8)
        self.linear = nn.Linear(8, 12)
        self.square = nn.Linear(12, 12, bias=False)
        self.norm = nn.LayerNorm(12)
        self.conv1 = nn.Conv1d(4, 6, 3)
        self.conv2 = nn.Conv2d(4, 6, 3)
        self.conv3 = nn.Conv3d(4, 6, 2)
        self.point = nn.Conv2d(6, 8, 1)
        self.attention = nn.MultiheadAttention(8, 2)
        self.head = nn.Linear(12, 3)


def drawn(model: nn.Module, seed: int = 0) -> nn.Module:
    """The model with all parameters drawn anew."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.5)
    return model


def save_base(model: nn.Module, folder: Path) -> None:
    """The model as one file, with tied names once."""
    from safetensors.torch import save_model

    folder.mkdir(parents=True, exist_ok=True)
    save_model(model, str(folder / "model.safetensors"), metadata={"format": "pt"})
    (folder / "config.json").write_text(json.dumps({"model_type": "custom"}))


def save_adapter(
    model: nn.Module, config: PeftConfig, folder: Path, *, seed: int = 1, scale: float = 0.3
) -> None:
    """An adapter for the model, all that it trains drawn at random, as PEFT saves it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.manual_seed(seed)  # PEFT draws the start
        wrapped = peft.get_peft_model(copy.deepcopy(model), copy.deepcopy(config))
        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for name, parameter in wrapped.named_parameters():
                if parameter.requires_grad and "ranknum" not in name:
                    noise = torch.randn(parameter.shape, generator=generator) * scale
                    parameter.copy_(parameter + noise.to(parameter.dtype))
        wrapped.save_pretrained(str(folder))


def merged(model: nn.Module, *folders: Path) -> State:
    """What PEFT's merge_and_unload makes of the model and its adapters, one after another."""
    result: Any = copy.deepcopy(model)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for folder in folders:
            result = peft.PeftModel.from_pretrained(result, str(folder)).merge_and_unload()
    return {name: tensor.detach().clone() for name, tensor in result.state_dict().items()}
