"""Write what a LoRA run of LLaVA 1.5 starts from and leaves behind, 64 times narrower.

`vicuna` and `clip` are the two models on the hub, `llava-lora` is the output folder of the run, and
`llava-hf` has the small files of a model of the layout that transformers loads: no weights.
"""

import json
import warnings
from pathlib import Path
from typing import Final

import torch
from huggingface_hub import split_torch_state_dict_into_shards
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import WhitespaceSplit
from transformers import (
    CLIPConfig,
    CLIPImageProcessorPil,
    CLIPModel,
    CLIPVisionConfig,
    LlamaConfig,
    LlamaForCausalLM,
    LlavaConfig,
    LlavaProcessor,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)
from transformers.utils.logging import disable_progress_bar

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of PEFT, about libraries that it does not find
    import peft

WEIGHTS: Final = Path(__file__).with_name("weights")
WORDS: Final = 500
PADDED_WORDS: Final = 512  # with <image> and <pad>, as 32000 rows become 32064
LANGUAGE: Final = LlamaConfig(
    vocab_size=WORDS,
    hidden_size=64,
    intermediate_size=172,
    num_hidden_layers=3,
    num_attention_heads=4,
    max_position_embeddings=128,
    dtype="float16",
)
VISION: Final = CLIPVisionConfig(
    hidden_size=16,
    intermediate_size=64,
    projection_dim=12,
    num_hidden_layers=3,
    num_attention_heads=2,
    image_size=56,
    patch_size=14,
)
CLIP: Final = CLIPConfig(
    vision_config=VISION.to_dict(),
    text_config={
        "hidden_size": 12,
        "intermediate_size": 48,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "vocab_size": 99,
        "bos_token_id": 97,
        "eos_token_id": 98,
    },
    projection_dim=12,
)


def drawn(model: PreTrainedModel) -> PreTrainedModel:
    """The model with weights large enough for every one of them to be seen in the logits."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.normal_(1 if name.endswith("norm.weight") else 0, 0.15)
    return model


def tokenizer(special: dict[str, int]) -> PreTrainedTokenizerFast:
    """Words of one token each, and special ones."""
    words = {f"word{number}": number for number in range(WORDS)} | special
    made = Tokenizer(WordLevel(words))
    made.pre_tokenizer = WhitespaceSplit()
    return PreTrainedTokenizerFast(tokenizer_object=made, extra_special_tokens=list(special))


def save_vicuna(folder: Path) -> LlamaForCausalLM:
    """Vicuna as it was released: float16 shards of pickles, with the buffers that transformers 4.30 kept."""
    model = drawn(LlamaForCausalLM(LANGUAGE)).half()
    model.config.save_pretrained(folder)
    model.generation_config.save_pretrained(folder)
    tokenizer({}).save_pretrained(folder)
    tensors = dict(model.state_dict())
    for layer in range(LANGUAGE.num_hidden_layers):
        frequencies = 1 / 10000 ** (torch.arange(0, 16, 2) / 16)
        tensors[f"model.layers.{layer}.self_attn.rotary_emb.inv_freq"] = frequencies
    split = split_torch_state_dict_into_shards(
        tensors, filename_pattern="pytorch_model{suffix}.bin", max_shard_size=160_000
    )
    for shard, names in split.filename_to_tensors.items():
        torch.save({name: tensors[name].clone() for name in names}, folder / shard)
    index = {"metadata": split.metadata, "weight_map": split.tensor_to_filename}
    (folder / "pytorch_model.bin.index.json").write_text(json.dumps(index, indent=2))
    return model.float()


def save_adapter(folder: Path, vicuna: LlamaForCausalLM) -> None:
    """The adapter, with the linear layers that LLaVA's training code finds."""
    config = peft.LoraConfig(
        r=8,
        lora_alpha=16,
        lora_dropout=0.05,
        target_modules=["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"],
        task_type="CAUSAL_LM",
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of PEFT, about its own use of transformers
        tuned = peft.get_peft_model(vicuna, config)
        for name, parameter in tuned.named_parameters():
            if "lora_" in name:
                parameter.data.normal_(0, 0.1)
        tuned.save_pretrained(folder, safe_serialization=False)


def save_run(folder: Path, vicuna: LlamaForCausalLM) -> None:
    """The output folder of the run: the adapter by PEFT, projector and settings by LLaVA's own code."""
    save_adapter(folder, vicuna)
    projector = {}
    for part, width in (("0", VISION.hidden_size), ("2", LANGUAGE.hidden_size)):
        at = f"base_model.model.model.mm_projector.{part}"
        projector[f"{at}.weight"] = torch.randn(LANGUAGE.hidden_size, width).half() * 0.3
        projector[f"{at}.bias"] = torch.randn(LANGUAGE.hidden_size).half() * 0.3
    torch.save(projector, folder / "non_lora_trainables.bin")
    llava = LANGUAGE.to_dict() | {
        "architectures": ["LlavaLlamaForCausalLM"],
        "model_type": "llava",
        "mm_hidden_size": VISION.hidden_size,
        "mm_projector_type": "mlp2x_gelu",
        "mm_use_im_patch_token": False,
        "mm_use_im_start_end": False,
        "mm_vision_select_feature": "patch",
        "mm_vision_select_layer": -2,
        "mm_vision_tower": "openai/clip-vit-large-patch14-336",
    }
    (folder / "config.json").write_text(json.dumps(llava, indent=2))


def save_clip(folder: Path) -> None:
    """CLIP with both of its towers and the buffers of its time."""
    model = drawn(CLIPModel(CLIP))
    model.config.save_pretrained(folder)
    tensors = dict(model.state_dict())
    for tower, positions in (("text_model", 77), ("vision_model", 17)):
        tensors[f"{tower}.embeddings.position_ids"] = torch.arange(positions)[None]
    torch.save(tensors, folder / "pytorch_model.bin")


def save_converted(folder: Path) -> None:
    """What llava-hf has beside the weights."""
    config = LlavaConfig(
        architectures=["LlavaForConditionalGeneration"],
        text_config=LANGUAGE.to_dict() | {"vocab_size": PADDED_WORDS},
        vision_config=VISION.to_dict(),
        image_token_index=WORDS,
        image_seq_length=16,
        dtype="float16",
    )
    config.save_pretrained(folder)
    LlavaProcessor(
        image_processor=CLIPImageProcessorPil(
            size={"shortest_edge": VISION.image_size}, crop_size=VISION.image_size
        ),
        tokenizer=tokenizer({"<image>": WORDS, "<pad>": WORDS + 1}),
        patch_size=VISION.patch_size,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
    ).save_pretrained(folder)


def main() -> None:
    """Write all of it."""
    torch.manual_seed(0)
    disable_progress_bar()
    for folder in ("vicuna", "llava-lora", "clip", "llava-hf"):
        (WEIGHTS / folder).mkdir(parents=True, exist_ok=True)
    vicuna = save_vicuna(WEIGHTS / "vicuna")
    save_run(WEIGHTS / "llava-lora", vicuna)
    save_clip(WEIGHTS / "clip")
    save_converted(WEIGHTS / "llava-hf")


if __name__ == "__main__":
    main()
