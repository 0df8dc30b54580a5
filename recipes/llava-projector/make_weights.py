"""Write a LLaVA 1.5 as transformers saves it, and another language model of its width, 64 times narrower.

`tokenizer` is the language model's own, to which `<image>` was added.
"""

from pathlib import Path
from typing import Final

import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import WhitespaceSplit
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    LlavaConfig,
    LlavaForConditionalGeneration,
    PreTrainedTokenizerFast,
)
from transformers.utils.logging import disable_progress_bar

WEIGHTS: Final = Path(__file__).with_name("weights")
WORDS: Final = 500
VISION: Final = {
    "model_type": "clip_vision_model",
    "hidden_size": 16,
    "intermediate_size": 64,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "image_size": 56,
    "patch_size": 14,
}


def language(layers: int, words: int) -> LlamaConfig:
    """A Llama of the width that the projector was trained for."""
    return LlamaConfig(
        vocab_size=words,
        hidden_size=64,
        intermediate_size=172,
        num_hidden_layers=layers,
        num_attention_heads=4,
        max_position_embeddings=128,
    )


def save_tokenizer(folder: str, word: str, *added: str) -> None:
    """A tokenizer of words that begin alike, and tokens that were added to it."""
    words = Tokenizer(WordLevel({f"{word}{number}": number for number in range(WORDS)}))
    words.pre_tokenizer = WhitespaceSplit()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=words)
    tokenizer.add_tokens(list(added), special_tokens=True)
    tokenizer.save_pretrained(WEIGHTS / folder)


def main() -> None:
    """Write all of it."""
    disable_progress_bar()
    torch.manual_seed(0)
    config = LlavaConfig(
        text_config=language(layers=3, words=512),  # padded, with <image> and <pad>
        vision_config=VISION,
        image_token_index=WORDS,
        image_seq_length=16,
    )
    LlavaForConditionalGeneration(config).half().save_pretrained(WEIGHTS / "llava")
    LlamaForCausalLM(language(layers=4, words=WORDS)).half().save_pretrained(WEIGHTS / "language")
    save_tokenizer("llava", "old", "<image>")
    save_tokenizer("language", "new")
    save_tokenizer("tokenizer", "new", "<image>")


if __name__ == "__main__":
    main()
