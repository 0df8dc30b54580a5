"""Write two LLaVA models as transformers saves them: one sees with CLIP, the other with a wider SigLIP.

Both are 64 times narrower than models of 7 B parameters, and have their processors beside them.
"""

from pathlib import Path
from typing import Any, Final

import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import WhitespaceSplit
from transformers import (
    CLIPImageProcessorPil,
    LlamaConfig,
    LlavaConfig,
    LlavaForConditionalGeneration,
    LlavaProcessor,
    PreTrainedTokenizerFast,
    SiglipImageProcessorPil,
)
from transformers.utils.logging import disable_progress_bar

WEIGHTS: Final = Path(__file__).with_name("weights")
WORDS: Final = 500
CLIP: Final = {
    "model_type": "clip_vision_model",
    "hidden_size": 16,
    "intermediate_size": 64,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "image_size": 56,
    "patch_size": 14,
}
SIGLIP: Final = {
    "model_type": "siglip_vision_model",
    "hidden_size": 18,
    "intermediate_size": 67,
    "num_hidden_layers": 4,
    "num_attention_heads": 2,
    "image_size": 84,
    "patch_size": 14,
}


def save_model(folder: Path, vision: dict[str, Any], **settings: Any) -> None:  # noqa: ANN401  # of the config
    """A LLaVA with this tower, with weights of its own in every part."""
    text = LlamaConfig(
        vocab_size=512,
        hidden_size=64,
        intermediate_size=172,
        num_hidden_layers=3,
        num_attention_heads=4,
        max_position_embeddings=128,
    )
    config = LlavaConfig(text_config=text, vision_config=vision, image_token_index=WORDS, **settings)
    LlavaForConditionalGeneration(config).half().save_pretrained(folder)


def save_processor(folder: Path, image_processor: Any, **settings: Any) -> None:  # noqa: ANN401  # of a processor
    """What makes tokens and pixels for the model."""
    words = {f"word{number}": number for number in range(WORDS)} | {"<image>": WORDS, "<pad>": WORDS + 1}
    tokenizer = Tokenizer(WordLevel(words))
    tokenizer.pre_tokenizer = WhitespaceSplit()
    LlavaProcessor(
        image_processor=image_processor,
        tokenizer=PreTrainedTokenizerFast(
            tokenizer_object=tokenizer,
            pad_token="<pad>",  # noqa: S106  # no password
            extra_special_tokens=["<image>"],
        ),
        patch_size=14,
        **settings,
    ).save_pretrained(folder)


def main() -> None:
    """Write both."""
    disable_progress_bar()
    torch.manual_seed(0)
    # CLIP's class token is no patch: it is left out. SigLIP has none.
    save_model(WEIGHTS / "mllm-a", CLIP, vision_feature_select_strategy="default", image_seq_length=16)
    save_processor(
        WEIGHTS / "mllm-a",
        CLIPImageProcessorPil(size={"shortest_edge": 56}, crop_size=56),
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
    )
    save_model(WEIGHTS / "mllm-b", SIGLIP, vision_feature_select_strategy="full", image_seq_length=36)
    save_processor(
        WEIGHTS / "mllm-b",
        SiglipImageProcessorPil(size={"height": 84, "width": 84}),
        vision_feature_select_strategy="full",
        num_additional_image_tokens=0,
    )


if __name__ == "__main__":
    main()
