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
    "hidden_size": 24,
    "intermediate_size": 20,
    "num_hidden_layers": 2,
    "num_attention_heads": 3,
    "vocab_size": VOCABULARY,
    "max_position_embeddings": 16,
    "bos_token_id": 0,
    "eos_token_id": 0,
}


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
@pytest.mark.parametrize("parallel", [True, False])
def test_the_function_is_unchanged(*, parallel: bool, dtype: torch.dtype, tmp_path: Path) -> None:
    config = transformers.GPTNeoXConfig(use_parallel_residual=parallel, **SIZES)
    module = transformers.GPTNeoXForCausalLM(config)
    model = pretrained(module, {"input_ids": IDS}, ("logits",), tmp_path, dtype)
    assert_unchanged(built_in("gpt-neox"), model, {"res": 1, "h": 2, "ffn": 2})


def test_without_a_head_the_stream_stays(tmp_path: Path) -> None:
    module = transformers.GPTNeoXModel(transformers.GPTNeoXConfig(**SIZES))
    model = pretrained(module, {"input_ids": IDS}, ("last_hidden_state",), tmp_path, torch.float64)
    assert_unchanged(built_in("gpt-neox"), model, {"h": 2, "ffn": 2})
