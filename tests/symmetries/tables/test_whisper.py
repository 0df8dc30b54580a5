from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
import transformers

from mergec.symmetries.table import built_in
from tests.symmetries.invariance import assert_unchanged
from tests.symmetries.tables.models import IDS, VOCABULARY, pretrained

if TYPE_CHECKING:
    from pathlib import Path

SIZES: dict[str, Any] = {
    "d_model": 24,
    "encoder_layers": 2,
    "decoder_layers": 1,
    "encoder_attention_heads": 4,
    "decoder_attention_heads": 3,
    "encoder_ffn_dim": 20,
    "decoder_ffn_dim": 18,
    "vocab_size": VOCABULARY,
    "num_mel_bins": 8,
    "max_source_positions": 10,
    "max_target_positions": 12,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "decoder_start_token_id": 1,
}
SOUND = torch.randn(2, 8, 20, generator=torch.Generator().manual_seed(7), dtype=torch.float64)
EXPECTED = {
    "re": 1,
    "rd": 1,
    "c1": 1,
    "he": 2,
    "hd": 1,
    "hx": 1,
    "qk": 3,
    "v": 3,
    "xqk": 1,
    "xv": 1,
    "ffn": 3,
}


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
@pytest.mark.parametrize("tied", [True, False])
def test_the_function_is_unchanged(*, tied: bool, dtype: torch.dtype, tmp_path: Path) -> None:
    config = transformers.WhisperConfig(tie_word_embeddings=tied, **SIZES)
    module = transformers.WhisperForConditionalGeneration(config)
    inputs = {"input_features": SOUND, "decoder_input_ids": IDS}
    model = pretrained(module, inputs, ("logits",), tmp_path, dtype)
    assert ("proj_out.weight" in model.tensors) is not tied
    assert_unchanged(built_in("whisper"), model, EXPECTED)


def test_without_a_head_the_decoders_stream_stays(tmp_path: Path) -> None:
    module = transformers.WhisperModel(transformers.WhisperConfig(**SIZES))
    inputs = {"input_features": SOUND, "decoder_input_ids": IDS}
    model = pretrained(module, inputs, ("last_hidden_state",), tmp_path, torch.float64)
    assert_unchanged(built_in("whisper"), model, {name: EXPECTED[name] for name in EXPECTED if name != "rd"})
