from __future__ import annotations

import json
from importlib.metadata import PackageNotFoundError
from typing import TYPE_CHECKING, Any, NoReturn

import pytest
import torch
import transformers
from safetensors.torch import load_file

from mergec.diagnostics import MergecError
from mergec.testing.pretrained import pretrained_forward

if TYPE_CHECKING:
    from pathlib import Path

TEXT = {
    "vocab_size": 40,
    "hidden_size": 8,
    "intermediate_size": 12,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
}
SPEECH = {
    "vocab_size": 40,
    "d_model": 8,
    "encoder_layers": 1,
    "decoder_layers": 1,
    "encoder_attention_heads": 2,
    "decoder_attention_heads": 2,
    "encoder_ffn_dim": 8,
    "decoder_ffn_dim": 8,
    "num_mel_bins": 4,
    "max_source_positions": 6,
    "max_target_positions": 12,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "decoder_start_token_id": 1,
}
T5 = {"vocab_size": 40, "d_model": 8, "d_kv": 4, "d_ff": 12, "num_layers": 1, "num_heads": 2}
CASES: dict[str, tuple[str, str, dict[str, Any], tuple[int, ...]]] = {
    "a language model": ("LlamaConfig", "LlamaForCausalLM", TEXT, (2, 8, 40)),
    "an encoder without a head": ("BertConfig", "BertModel", TEXT, (2, 8, 8)),
    "a tied head": ("BertConfig", "BertForMaskedLM", TEXT, (2, 8, 40)),
    "experts": (
        "MixtralConfig",
        "MixtralForCausalLM",
        {**TEXT, "num_key_value_heads": 1, "num_local_experts": 2},
        (2, 8, 40),
    ),
    "encoder and decoder": ("T5Config", "T5ForConditionalGeneration", T5, (2, 8, 40)),
    "images": ("ViTConfig", "ViTForImageClassification", {**TEXT, "image_size": 8, "patch_size": 4}, (2, 2)),
    "speech": ("WhisperConfig", "WhisperForConditionalGeneration", SPEECH, (2, 8, 40)),
}


def saved(case: str, folder: Path) -> dict[str, torch.Tensor]:
    config, kind, options, _ = CASES[case]
    if config == "ViTConfig":
        options = {key: value for key, value in options.items() if key != "vocab_size"}
    torch.manual_seed(0)
    getattr(transformers, kind)(getattr(transformers, config)(**options)).save_pretrained(folder)
    return load_file(folder / "model.safetensors")


@pytest.mark.parametrize("case", CASES)
def test_what_a_model_computes(case: str, tmp_path: Path) -> None:
    tensors = saved(case, tmp_path)
    forward = pretrained_forward(tmp_path, seed=0)
    (outputs,) = forward(tensors)
    assert outputs.shape == CASES[case][3]
    assert outputs.dtype == torch.float32
    assert torch.equal(outputs, forward(tensors)[0])
    name = next(
        name for name, one in tensors.items() if one.ndim > 1 and ("embed" in name or "shared" in name)
    )
    assert not torch.equal(outputs, forward({**tensors, name: tensors[name].flip(-1)})[0])
    assert not torch.equal(outputs, pretrained_forward(tmp_path, seed=1)(tensors)[0])


def test_the_outputs_are_those_of_the_library(tmp_path: Path) -> None:
    tensors = saved("a language model", tmp_path)
    model = transformers.LlamaForCausalLM.from_pretrained(tmp_path, dtype=torch.float64)
    seen: list[torch.Tensor] = []
    original = transformers.LlamaForCausalLM.forward

    def watched(self: Any, input_ids: torch.Tensor, **options: Any) -> Any:
        seen.append(input_ids)
        return original(self, input_ids, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transformers.LlamaForCausalLM, "forward", watched)
        (outputs,) = pretrained_forward(tmp_path, seed=0)(tensors)
    with torch.no_grad():
        expected = model(input_ids=seen[0]).logits
    assert torch.allclose(outputs.double(), expected, rtol=1e-6, atol=1e-7)


def refused(folder: Path, tensors: dict[str, torch.Tensor]) -> str:
    with pytest.raises(MergecError) as caught:
        pretrained_forward(folder, seed=0)(tensors)
    (error,) = caught.value.errors
    assert error.code == "MC0553"
    return error.message


def test_tensors_under_other_names(tmp_path: Path) -> None:
    tensors = saved("a language model", tmp_path)
    others = {f"other.{name}": one for name, one in tensors.items()}
    assert "make no LlamaForCausalLM: it also takes `" in refused(tmp_path, others)


def test_a_configuration_of_no_model(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "nothing_known"}))
    assert "config.json makes no model" in refused(tmp_path, {})


def test_a_model_whose_inputs_are_not_known(tmp_path: Path) -> None:
    config = transformers.Wav2Vec2Config(
        vocab_size=9,
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=8,
        conv_dim=(8,),
        conv_stride=(2,),
        conv_kernel=(3,),
        num_conv_pos_embeddings=4,
        num_conv_pos_embedding_groups=2,
    )
    transformers.Wav2Vec2ForCTC(config).save_pretrained(tmp_path)
    message = refused(tmp_path, load_file(tmp_path / "model.safetensors"))
    assert "there are no inputs for `input_values` of Wav2Vec2ForCTC" in message


def test_without_the_library(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def version(name: str) -> NoReturn:
        raise PackageNotFoundError(name)

    monkeypatch.setattr("mergec.testing.pretrained.version", version)
    assert "it takes the library transformers" in refused(tmp_path, {})
