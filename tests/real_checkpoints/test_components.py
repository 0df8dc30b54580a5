"""Components and joints of the models of transformers, made without memory, as in memory and as in files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
import torch

from mergec.components.described import undescribed
from mergec.components.detect import components_of
from mergec.components.joint_verdict import verdicts
from mergec.components.joints import joints_of

if TYPE_CHECKING:
    from collections.abc import Mapping

# Transformers 4 has other names in memory.
transformers: Any = pytest.importorskip("transformers", minversion="5")

TOWER, AUDIO, LM, HEAD = "vision_tower", "audio_tower", "language_model", "head"
HF_FILE = {
    TOWER: ["vision_tower"],
    "connector": ["multi_modal_projector"],
    LM: ["language_model.model"],
    HEAD: ["language_model.lm_head"],
}
HF_MEMORY = {
    TOWER: ["model.vision_tower"],
    "connector": ["model.multi_modal_projector"],
    LM: ["model.language_model"],
    HEAD: ["lm_head"],
}
NEXT_FILE = {**HF_FILE, "connector": ["multi_modal_projector", "image_newline"]}
NEXT_MEMORY = {**HF_MEMORY, "connector": ["model.multi_modal_projector", "model.image_newline"]}
LLAMA = {LM: ["model.embed_tokens", "model.layers", "model.norm"], HEAD: ["lm_head"]}
QWEN_FILE = {**LLAMA, TOWER: ["visual"], "connector": ["visual.merger"]}
QWEN_MEMORY = {**HF_MEMORY, TOWER: ["model.visual"], "connector": ["model.visual.merger"]}
DEEPSTACK = ["model.visual.merger", "model.visual.deepstack_merger_list"]
AUDIO_FILE = {
    AUDIO: ["audio_tower"],
    "connector": HF_FILE["connector"],
    LM: HF_FILE[LM],
    HEAD: HF_FILE[HEAD],
}
AUDIO_MEMORY = {
    AUDIO: ["model.audio_tower"],
    "connector": HF_MEMORY["connector"],
    LM: HF_MEMORY[LM],
    HEAD: ["lm_head"],
}
IDEFICS = {
    TOWER: ["model.vision_model"],
    "connector": ["model.connector"],
    LM: ["model.text_model"],
    HEAD: ["lm_head"],
}
BLIP = {
    TOWER: ["vision_model"],
    "connector": ["language_projection", "query_tokens", "qformer"],
    LM: ["language_model.model"],
    HEAD: ["language_model.lm_head"],
}
CLIP = {TOWER: ["vision_model"], LM: ["text_model"]}
T5 = {
    LM: [
        "shared",
        "encoder.embed_tokens",
        "encoder.block",
        "encoder.final_layer_norm",
        "decoder.embed_tokens",
        "decoder.block",
        "decoder.final_layer_norm",
    ],
    HEAD: ["lm_head"],
}
GPT2 = ["wte", "wpe", "h", "ln_f"]
BERT = ["word_embeddings", "position_embeddings", "token_type_embeddings", "LayerNorm"]


class Family(NamedTuple):
    """What is expected of a model: where its components are, in files and in memory."""

    model: str
    file: Mapping[str, list[str]]
    memory: Mapping[str, list[str]]


FAMILIES = [
    Family("LlavaForConditionalGeneration", HF_FILE, HF_MEMORY),
    Family("LlavaNextForConditionalGeneration", NEXT_FILE, NEXT_MEMORY),
    Family("LlavaOnevisionForConditionalGeneration", NEXT_FILE, NEXT_MEMORY),
    Family("PaliGemmaForConditionalGeneration", HF_FILE, HF_MEMORY),
    Family("Gemma3ForConditionalGeneration", HF_FILE, HF_MEMORY),
    Family("Mistral3ForConditionalGeneration", HF_FILE, HF_MEMORY),
    Family("InternVLForConditionalGeneration", HF_FILE, HF_MEMORY),
    Family("Qwen2VLForConditionalGeneration", QWEN_FILE, QWEN_MEMORY),
    Family("Qwen2_5_VLForConditionalGeneration", QWEN_FILE, QWEN_MEMORY),
    Family(
        "Qwen3VLForConditionalGeneration",
        {**QWEN_MEMORY, "connector": DEEPSTACK},
        {**QWEN_MEMORY, "connector": DEEPSTACK},
    ),
    Family(
        "Qwen2_5OmniThinkerForConditionalGeneration",
        {**QWEN_FILE, AUDIO: ["audio_tower"], "connector": ["visual.merger", "audio_tower.proj"]},
        {
            **QWEN_MEMORY,
            AUDIO: ["model.audio_tower"],
            "connector": ["model.visual.merger", "model.audio_tower.proj"],
        },
    ),
    Family("Qwen2AudioForConditionalGeneration", AUDIO_FILE, AUDIO_MEMORY),
    Family("VoxtralForConditionalGeneration", AUDIO_FILE, AUDIO_MEMORY),
    Family("Idefics2ForConditionalGeneration", IDEFICS, IDEFICS),
    Family("Idefics3ForConditionalGeneration", IDEFICS, IDEFICS),
    Family("Blip2ForConditionalGeneration", BLIP, BLIP),
    Family(
        "MllamaForConditionalGeneration",
        {**HF_FILE, TOWER: ["vision_model"]},
        {**HF_MEMORY, TOWER: ["model.vision_model"]},
    ),
    Family(
        "VideoLlavaForConditionalGeneration",
        {**HF_FILE, TOWER: ["image_tower", "video_tower"]},
        {**HF_MEMORY, TOWER: ["model.image_tower", "model.video_tower"]},
    ),
    Family("CLIPModel", {**CLIP, "connector": ["visual_projection", "text_projection", "logit_scale"]}, {}),
    Family("SiglipModel", {**CLIP, "connector": ["logit_scale", "logit_bias"]}, {}),
    Family(
        "WhisperForConditionalGeneration",
        {AUDIO: ["model.encoder"], LM: ["model.decoder"], HEAD: ["proj_out"]},
        {},
    ),
    Family("BertForMaskedLM", {LM: ["bert"], HEAD: ["cls"]}, {}),
    Family("BertModel", {LM: [*(f"embeddings.{part}" for part in BERT), "encoder.layer", "pooler"]}, {}),
    Family("GPT2LMHeadModel", {LM: [f"transformer.{part}" for part in GPT2], HEAD: ["lm_head"]}, {}),
    Family("GPT2Model", {LM: GPT2}, {}),
    Family("LlamaForCausalLM", LLAMA, {}),
    Family("LlamaModel", {LM: ["embed_tokens", "layers", "norm"]}, {}),
    Family("T5ForConditionalGeneration", T5, {}),
]


class Names(NamedTuple):
    """The shapes of a model by name, in a file and in memory, and its config."""

    file: dict[str, tuple[int, ...]]
    memory: dict[str, tuple[int, ...]]
    config: dict[str, Any]


@pytest.fixture(scope="module")
def names_of() -> Any:
    from transformers.core_model_loading import revert_weight_conversion

    made: dict[str, Names] = {}

    def names(model: str) -> Names:
        if model not in made:
            kind = getattr(transformers, model)
            with torch.device("meta"):
                one = kind(kind.config_class())
            memory = one.state_dict()
            file = revert_weight_conversion(one, dict(memory))
            shapes = [{name: tuple(tensor.shape) for name, tensor in part.items()} for part in (file, memory)]
            made[model] = Names(shapes[0], shapes[1], one.config.to_dict())
        return made[model]

    return names


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.model)
@pytest.mark.parametrize("has_config", [False, True])
@pytest.mark.parametrize("form", ["file", "memory"])
def test_every_tensor_is_in_its_component(names_of: Any, family: Family, form: str, has_config: bool) -> None:  # noqa: FBT001
    names = names_of(family.model)
    shapes = names.file if form == "file" else names.memory
    expected = family.memory if form == "memory" and family.memory else family.file
    found = components_of(shapes, names.config if has_config else {})
    assert {name: list(part.prefixes) for name, part in found.components.items()} == {
        name: expected[name] for name in found.components
    }
    assert found.components.keys() == expected.keys()
    assert found.unknown == ()
    # Apart from the table: the longest of the expected prefixes that fits a name says where it belongs.
    homes = {prefix: component for component, prefixes in expected.items() for prefix in prefixes}
    for component, part in found.components.items():
        for name in part.names:
            fitting = [prefix for prefix in homes if name == prefix or name.startswith(f"{prefix}.")]
            assert homes[max(fitting, key=len)] == component, name


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.model)
def test_every_family_is_described_by_its_config(names_of: Any, family: Family) -> None:
    names = names_of(family.model)
    for shapes in (names.file, names.memory):
        assert undescribed(components_of(shapes, names.config), names.config) == ()


# Model -> tower width, how many of its vectors come in as one, connector output, hidden size, rows.
JOINTS = {
    "LlavaForConditionalGeneration": (1024, 1, 4096, 4096, 32000),
    "LlavaOnevisionForConditionalGeneration": (1152, 1, 4096, 4096, 151936),
    "PaliGemmaForConditionalGeneration": (1152, 1, 2048, 2048, 257152),
    "Gemma3ForConditionalGeneration": (768, 1, 2304, 2304, 262208),
    "Mistral3ForConditionalGeneration": (1024, 4, 5120, 5120, 131072),
    "InternVLForConditionalGeneration": (1024, 4, 4096, 4096, 151936),
    "Qwen2VLForConditionalGeneration": (1280, 4, 3584, 8192, 152064),
    "Qwen2_5_VLForConditionalGeneration": (3584, 4, 3584, 8192, 152064),
    "Qwen3VLForConditionalGeneration": (1152, 4, 3584, 4096, 151936),
    "Idefics2ForConditionalGeneration": (768, 1, 4096, 4096, 32000),
    "Idefics3ForConditionalGeneration": (1152, 4, 4096, 4096, 32000),
    "Blip2ForConditionalGeneration": (1408, 1, 768, 768, 50272),
    "MllamaForConditionalGeneration": (1280, 6, 4096, 4096, 128264),
    "VideoLlavaForConditionalGeneration": (1024, 1, 4096, 4096, 32000),
}


@pytest.mark.parametrize(("model", "figures"), JOINTS.items())
@pytest.mark.parametrize("form", ["file", "memory"])
def test_joints(names_of: Any, model: str, figures: tuple[int, ...], form: str) -> None:
    names = names_of(model)
    shapes = names.file if form == "file" else names.memory
    joints = joints_of(components_of(shapes, names.config), shapes, names.config)
    width, factor, outlet, hidden_size, rows = figures
    (connector,) = joints.connectors
    sizes = (joints.towers[TOWER].width, joints.hidden_size, joints.embedding_rows)
    assert [size.value for size in sizes if size is not None] == [width, hidden_size, rows]
    found = (connector.inlet.value, connector.factor, connector.outlet.value)
    assert found == (factor * width, factor, outlet)
    fits = {verdict.left_name: verdict.fits for verdict in verdicts(joints)}
    # The default configs of some families describe parts that do not fit together.
    assert fits["connector input"]
    assert fits["connector output"] == (outlet == hidden_size)


def test_an_audio_model_has_a_connector_for_each_tower(names_of: Any) -> None:
    names = names_of("Qwen2_5OmniThinkerForConditionalGeneration")
    joints = joints_of(components_of(names.file, names.config), names.file, names.config)
    found = [(one.tower, one.inlet.value, one.factor) for one in joints.connectors]
    assert found == [(TOWER, 4 * 3584, 4), (AUDIO, 1280, 1)]


def test_what_cannot_be_told_is_not_judged(names_of: Any) -> None:
    names = names_of("VoxtralForConditionalGeneration")
    joints = joints_of(components_of(names.file, names.config), names.file, names.config)
    said = {verdict.text: verdict.fits for verdict in verdicts(joints)}
    assert said["connector input 5120 and audio tower width 1280 cannot be checked"] is None
