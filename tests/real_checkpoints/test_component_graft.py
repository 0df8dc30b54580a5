"""Components moved between models of transformers, against models put together by hand."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import torch
from safetensors.torch import load_file, save_file

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Workbench

# Transformers 4 saves other names.
transformers: Any = pytest.importorskip("transformers", minversion="5")

TEXT = {
    "model_type": "llama",
    "hidden_size": 24,
    "intermediate_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "vocab_size": 64,
}
IMAGE = 60  # the token that stands for an image
BOTH = {
    "tower": {"op": "graft", "into": "a", "from": "b", "component": "vision_tower"},
    "merged": {"op": "graft", "into": "tower", "from": "b", "component": "connector"},
}


def vision(width: int, layers: int, image_size: int = 16) -> dict[str, Any]:
    return {
        "model_type": "clip_vision_model",
        "hidden_size": width,
        "intermediate_size": 2 * width,
        "num_hidden_layers": layers,
        "num_attention_heads": 2,
        "image_size": image_size,
        "patch_size": 8,
    }


def llava(seed: int, vision_config: dict[str, Any], **settings: Any) -> Any:
    torch.manual_seed(seed)
    config = transformers.LlavaConfig(
        vision_config=vision_config, text_config=TEXT, image_token_index=IMAGE, **settings
    )
    return transformers.LlavaForConditionalGeneration(config).eval()


def logits(model: Any, image_size: int = 16) -> torch.Tensor:
    patches = (image_size // 8) ** 2
    pixels = torch.linspace(-1, 1, 3 * image_size * image_size).reshape(1, 3, image_size, image_size)
    tokens = torch.tensor([[1, *[IMAGE] * patches, 5, 9]])
    with torch.no_grad():
        found: torch.Tensor = model(input_ids=tokens, pixel_values=pixels).logits
    return found


def save(bench: Workbench, name: str, model: Any, *, in_files: bool = True) -> Path:
    folder = bench.folder / name
    model.save_pretrained(folder, save_original_format=in_files)
    (folder / "preprocessor_config.json").write_text(json.dumps({"of": name}))
    bench.sources[name] = {"path": name}
    return folder


def rename_in_file(folder: Path, *renames: tuple[str, str]) -> None:
    """Give the tensors of a folder other names, by their beginnings."""
    file = folder / "model.safetensors"
    tensors = load_file(file)
    for old, new in renames:
        tensors = {
            new + name.removeprefix(old) if name.startswith(old) else name: tensor
            for name, tensor in tensors.items()
        }
    save_file(tensors, file, {"format": "pt"})


def load(bench: Workbench) -> Any:
    """The output as transformers loads it, with every tensor in its place."""
    model, told = transformers.LlavaForConditionalGeneration.from_pretrained(
        bench.out, output_loading_info=True
    )
    assert not told["missing_keys"]
    assert not told["unexpected_keys"]
    assert not told["mismatched_keys"]
    return model.eval()


def assembled(language: Any, eyes: Any) -> Any:
    """The tower and connector of one model before the language model of another."""
    model = llava(
        9, eyes.config.vision_config.to_dict(), vision_feature_layer=eyes.config.vision_feature_layer
    )
    model.model.vision_tower.load_state_dict(eyes.model.vision_tower.state_dict())
    model.model.multi_modal_projector.load_state_dict(eyes.model.multi_modal_projector.state_dict())
    model.model.language_model.load_state_dict(language.model.language_model.state_dict())
    model.lm_head.load_state_dict(language.lm_head.state_dict())
    return model


@pytest.mark.parametrize("into_files", [True, False])
@pytest.mark.parametrize("from_files", [True, False])
def test_a_wider_and_deeper_tower_with_its_connector(
    bench: Workbench,
    into_files: bool,  # noqa: FBT001
    from_files: bool,  # noqa: FBT001
) -> None:
    a = llava(0, vision(16, 2, image_size=32))
    b = llava(1, vision(32, 3), vision_feature_layer=-1)
    save(bench, "a", a, in_files=into_files)
    save(bench, "b", b, in_files=from_files)
    bench.build(BOTH)
    torch.testing.assert_close(logits(load(bench)), logits(assembled(a, b)), rtol=0, atol=0)
    assert json.loads((bench.out / "preprocessor_config.json").read_text()) == {"of": "b"}


def test_into_a_file_of_the_hub_whose_towers_are_wrapped(bench: Workbench) -> None:
    a, b = llava(0, vision(16, 2)), llava(1, vision(32, 3))
    rename_in_file(save(bench, "a", a), ("vision_tower.", "vision_tower.vision_model."))
    save(bench, "b", b, in_files=False)
    made = bench.build(BOTH)
    assert {name.startswith("vision_tower.vision_model.") for name in made if "vision" in name} == {True}
    torch.testing.assert_close(logits(load(bench)), logits(assembled(a, b)), rtol=0, atol=0)


def test_from_a_file_in_the_original_layout(bench: Workbench) -> None:
    a, b = llava(0, vision(16, 2)), llava(1, vision(16, 3))
    save(bench, "a", a)
    folder = save(bench, "b", b)
    rename_in_file(
        folder,
        ("vision_tower.", "model.vision_tower.vision_tower.vision_model."),
        ("multi_modal_projector.linear_1.", "model.mm_projector.0."),
        ("multi_modal_projector.linear_2.", "model.mm_projector.2."),
        ("language_model.lm_head.", "lm_head."),
        ("language_model.model.", "model."),
    )
    bench.build(BOTH)
    torch.testing.assert_close(logits(load(bench)), logits(assembled(a, b)), rtol=0, atol=0)


def test_a_tower_by_itself(bench: Workbench) -> None:
    a, b = llava(0, vision(16, 2)), llava(1, vision(16, 3))
    save(bench, "a", a)
    tower = transformers.CLIPVisionModel(b.config.vision_config)
    tower.load_state_dict(b.model.vision_tower.state_dict())
    save(bench, "b", tower)
    bench.build({"op": "graft", "into": "a", "from": "b", "component": "vision_tower"})
    b.model.multi_modal_projector.load_state_dict(a.model.multi_modal_projector.state_dict())
    torch.testing.assert_close(logits(load(bench)), logits(assembled(a, b)), rtol=0, atol=0)


def test_a_language_model_by_itself(bench: Workbench) -> None:
    a, b = llava(0, vision(16, 2)), llava(1, vision(16, 2))
    save(bench, "a", a)
    text = transformers.LlamaForCausalLM(transformers.LlamaConfig(**TEXT, rms_norm_eps=1e-3))
    save(bench, "b", text)
    bench.build(
        {
            "text": {"op": "graft", "into": "a", "from": "b", "component": "language_model"},
            "merged": {"op": "graft", "into": "text", "from": "b", "component": "head"},
        }
    )
    b.config.text_config.rms_norm_eps = 1e-3
    by_hand = transformers.LlavaForConditionalGeneration(b.config).eval()
    by_hand.load_state_dict(a.state_dict())
    by_hand.model.language_model.load_state_dict(text.model.state_dict())
    by_hand.lm_head.load_state_dict(text.lm_head.state_dict())
    torch.testing.assert_close(logits(load(bench)), logits(by_hand), rtol=0, atol=0)


def test_a_tower_of_another_width_without_its_connector_is_refused(bench: Workbench) -> None:
    save(bench, "a", llava(0, vision(16, 2)))
    save(bench, "b", llava(1, vision(32, 2)))
    assert bench.codes(BOTH["tower"]) == ["MC0325"]
