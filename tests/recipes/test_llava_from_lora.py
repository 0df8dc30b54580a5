"""The merged LLaVA answers as the base, the adapter, the projector and the tower do side by side."""

from __future__ import annotations

import json
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

import mergec

if TYPE_CHECKING:
    from pathlib import Path

transformers: Any = pytest.importorskip("transformers", minversion="5")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of PEFT, about libraries that it does not find
    import peft

WORDS = 500
PROJECTOR = "base_model.model.model.mm_projector"
TEXT = "word3 word17 <image> word5 word499"


@pytest.fixture(scope="module")
def recipe(copied: Path) -> Path:
    return copied / "llava-from-lora"


@pytest.fixture(scope="module")
def converted(recipe: Path) -> Path:
    """The model of `to-hf.yaml` in float32."""
    return mergec.load(recipe / "to-hf.yaml", params={"dtype": "float32"}).build(out=recipe / "hf").path


def loaded(file: Path) -> Any:
    return torch.load(file, weights_only=True)  # noqa: TID251  # an oracle


def language_model(weights: Path) -> Any:
    """The base in float32 with the adapter of PEFT before it, unmerged."""
    base = transformers.LlamaForCausalLM.from_pretrained(weights / "vicuna", dtype=torch.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of PEFT, about what transformers will remove
        return peft.PeftModel.from_pretrained(base, weights / "llava-lora").eval()


def image_features(weights: Path, pixels: torch.Tensor) -> Any:
    """The tower's last layer but one without the class token, through the projector of the run."""
    tower = transformers.CLIPVisionModel.from_pretrained(weights / "clip", dtype=torch.float32).eval()
    projector = loaded(weights / "llava-lora" / "non_lora_trainables.bin")
    patches = tower(pixels, output_hidden_states=True).hidden_states[-2][:, 1:]
    for layer, activation in ((0, torch.nn.functional.gelu), (2, lambda values: values)):
        weight, bias = (projector[f"{PROJECTOR}.{layer}.{part}"].float() for part in ("weight", "bias"))
        patches = activation(torch.nn.functional.linear(patches, weight, bias))
    return patches


def unmerged_logits(weights: Path, inputs: Any) -> torch.Tensor:
    """What LLaVA computes from the parts: the features of the image stand where its token stood."""
    model = language_model(weights)
    words = inputs["input_ids"]
    embedded = model.get_input_embeddings()(words.clamp(max=WORDS - 1))
    features = image_features(weights, inputs["pixel_values"])
    embedded = embedded.masked_scatter((words == WORDS)[..., None], features)
    logits: torch.Tensor = model(inputs_embeds=embedded).logits
    return logits


@torch.no_grad()
def test_it_answers_as_the_unmerged_pair_does(recipe: Path, converted: Path) -> None:
    model, told = transformers.LlavaForConditionalGeneration.from_pretrained(
        converted, output_loading_info=True
    )
    assert not any(told.values())
    assert model.dtype == torch.float32
    image = np.random.default_rng(0).integers(0, 256, (56, 56, 3), np.uint8)
    processor = transformers.AutoProcessor.from_pretrained(converted)
    inputs = processor(images=image, text=TEXT, return_tensors="pt")
    assert int((inputs["input_ids"] == WORDS).sum()) == 16
    found = model.eval()(**inputs).logits[..., :WORDS]
    wanted = unmerged_logits(recipe / "weights", inputs)
    assert float((found - wanted).abs().max() / wanted.abs().max()) < 1e-5
    assert torch.equal(found.argmax(-1), wanted.argmax(-1))
    without_image = model(input_ids=inputs["input_ids"], pixel_values=-inputs["pixel_values"]).logits
    assert float((found - without_image[..., :WORDS]).abs().max() / wanted.abs().max()) > 1e-2


def test_in_the_original_layout_it_is_the_base_with_the_adapter_and_the_projector(recipe: Path) -> None:
    weights = recipe / "weights"
    made = mergec.load(recipe / "recipe.yaml").build(out=recipe / "original").path
    found = load_file(made / "model.safetensors")
    wanted: dict[str, torch.Tensor] = {}
    for shard in sorted((weights / "vicuna").glob("*.bin")):
        wanted |= {name: tensor.double() for name, tensor in loaded(shard).items() if "inv_freq" not in name}
    adapter = loaded(weights / "llava-lora" / "adapter_model.bin")
    for name in [name for name in adapter if ".lora_A." in name]:
        product = adapter[name.replace("lora_A", "lora_B")].double() @ adapter[name].double()
        wanted[name.removeprefix("base_model.model.").replace("lora_A.", "")] += 16 / 8 * product
    for name, tensor in loaded(weights / "llava-lora" / "non_lora_trainables.bin").items():
        wanted[name.removeprefix("base_model.model.")] = tensor.double()
    assert found.keys() == wanted.keys()
    for name, tensor in found.items():
        assert tensor.dtype == torch.float16
        torch.testing.assert_close(tensor.double(), wanted[name], rtol=2**-11, atol=1e-6, msg=name)
    assert not (made / "adapter_config.json").exists()
    assert json.loads((made / "config.json").read_text())["mm_projector_type"] == "mlp2x_gelu"
    assert (made / "tokenizer.json").read_bytes() == (weights / "vicuna" / "tokenizer.json").read_bytes()
