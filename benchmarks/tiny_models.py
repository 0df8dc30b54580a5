"""Small models of three shapes, in float32: a base and fine-tunes of it, with random weights."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import torch
import transformers
from transformers import PretrainedConfig, PreTrainedModel

COUNT: Final = 4
_SMALL: Final[dict[str, Mapping[str, Any]]] = {
    "Llama": {
        "vocab_size": 160,
        "hidden_size": 64,
        "intermediate_size": 96,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
    },
    "GPT2": {"vocab_size": 160, "n_positions": 40, "n_embd": 64, "n_layer": 3, "n_head": 4},
    "Bert": {
        "vocab_size": 160,
        "hidden_size": 64,
        "intermediate_size": 96,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "max_position_embeddings": 40,
        # Vectors of two values may be all but opposite, and their slerp then is nothing but rounding.
        "type_vocab_size": 16,
        "num_labels": 16,
    },
}
_CLASSES: Final = {
    "Llama": "LlamaForCausalLM",
    "GPT2": "GPT2LMHeadModel",
    "Bert": "BertForSequenceClassification",
}
SHAPES: Final = tuple(_SMALL)


def tiny_models(folder: Path, shape: str) -> list[Path]:
    """The folders of a base and its fine-tunes, made where they are missing.

    Weights are normal with a deviation of 0.05, what a fine-tune adds with one of 0.01, of which a half
    is common to all fine-tunes: models that went the same way, as real ones do.
    """
    folders = [folder / shape / str(i) for i in range(COUNT)]
    if all((path / "model.safetensors").is_file() for path in folders):
        return folders
    model = _new(shape)
    generator = torch.Generator().manual_seed(1)
    base = {name: _normal(x, 0.05, generator) for name, x in model.named_parameters()}
    common = {name: _normal(x, 0.005, generator) for name, x in base.items()}
    for i, path in enumerate(folders):
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                own = common[name] + _normal(parameter, 0.0087, generator) if i else 0.0
                parameter.copy_(base[name] + own)
        model.save_pretrained(path)
    return folders


def _new(shape: str) -> PreTrainedModel:
    config: PretrainedConfig = getattr(transformers, f"{shape}Config")(**_SMALL[shape])
    made: PreTrainedModel = getattr(transformers, _CLASSES[shape])(config)
    return made


def _normal(like: torch.Tensor, deviation: float, generator: torch.Generator) -> torch.Tensor:
    return torch.randn(like.shape, generator=generator) * deviation
