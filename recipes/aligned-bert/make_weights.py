"""Write two masked language models of BERT's shape, 12 times narrower, from different seeds."""

from pathlib import Path
from typing import Final

import torch
from transformers import BertConfig, BertForMaskedLM
from transformers.utils.logging import disable_progress_bar

WEIGHTS: Final = Path(__file__).with_name("weights")
SEEDS: Final = {"bio": 1, "legal": 2}
BERT: Final = BertConfig(
    vocab_size=400,
    hidden_size=64,
    intermediate_size=256,
    num_hidden_layers=4,
    num_attention_heads=4,
    max_position_embeddings=64,
)


def main() -> None:
    """Write both, with biases and norms that are drawn too, as if they had been trained."""
    disable_progress_bar()
    for name, seed in SEEDS.items():
        torch.manual_seed(seed)
        model = BertForMaskedLM(BERT)
        for parameter in model.parameters():
            parameter.data += 0.05 * torch.randn_like(parameter)
        model.save_pretrained(WEIGHTS / name)


if __name__ == "__main__":
    main()
