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

    from tests.symmetries.tables.models import Model

# In both stacks: the self-attentions' heads are one family for each stack.
BLOCKS = {"he": 1, "hd": 1, "qk": 4, "v": 4, "hx": 2, "xqk": 2, "xv": 2, "ffn": 4}
SIZES: dict[str, Any] = {
    "d_model": 24,
    "d_kv": 5,
    "d_ff": 20,
    "num_layers": 2,
    "num_heads": 4,
    "vocab_size": VOCABULARY,
    "relative_attention_num_buckets": 8,
    "decoder_start_token_id": 0,
}
CASES: dict[str, dict[str, Any]] = {
    "tied": {},
    "gated": {"feed_forward_proj": "gated-gelu"},
    "untied": {"tie_word_embeddings": False},
}


def t5(folder: Path, dtype: torch.dtype, **options: Any) -> Model:
    module = transformers.T5ForConditionalGeneration(transformers.T5Config(**SIZES, **options))
    inputs = {"input_ids": IDS, "decoder_input_ids": IDS[:, :5]}
    return pretrained(module, inputs, ("logits",), folder, dtype)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
@pytest.mark.parametrize("case", CASES)
def test_the_function_is_unchanged(case: str, dtype: torch.dtype, tmp_path: Path) -> None:
    model = t5(tmp_path, dtype, **CASES[case])
    assert_unchanged(built_in("t5"), model, {"res": 1, **BLOCKS})


def test_mt5_has_a_head_of_its_own(tmp_path: Path) -> None:
    config = transformers.MT5Config(**SIZES, tie_word_embeddings=False)
    module = transformers.MT5ForConditionalGeneration(config)
    inputs = {"input_ids": IDS, "decoder_input_ids": IDS[:, :5]}
    model = pretrained(module, inputs, ("logits",), tmp_path, torch.float64)
    assert_unchanged(built_in("t5"), model, {"res": 1, **BLOCKS})


def test_an_encoder_alone_keeps_its_stream(tmp_path: Path) -> None:
    module = transformers.T5EncoderModel(transformers.T5Config(**SIZES))
    model = pretrained(module, {"input_ids": IDS}, ("last_hidden_state",), tmp_path, torch.float64)
    assert_unchanged(built_in("t5"), model, {"he": 1, "qk": 2, "v": 2, "ffn": 2})


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("family", ["T5", "MT5"])
def test_without_a_head_the_stream_stays(family: str, *, tied: bool, tmp_path: Path) -> None:
    config = getattr(transformers, f"{family}Config")(**SIZES, tie_word_embeddings=tied)
    module = getattr(transformers, f"{family}Model")(config)
    inputs = {"input_ids": IDS, "decoder_input_ids": IDS[:, :5]}
    model = pretrained(module, inputs, ("last_hidden_state",), tmp_path, torch.float64)
    assert_unchanged(built_in("t5"), model, BLOCKS)
