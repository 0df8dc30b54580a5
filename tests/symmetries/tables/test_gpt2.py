from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
import transformers

from mergec.symmetries.table import built_in
from tests.symmetries.invariance import assert_unchanged
from tests.symmetries.tables.models import IDS, VOCABULARY, pretrained

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

EVERY = {"res": 1, "h": 2, "qk": 2, "v": 2, "ffn": 2}
SIZES: dict[str, Any] = {
    "n_embd": 24,
    "n_inner": 20,
    "n_layer": 2,
    "n_head": 4,
    "vocab_size": VOCABULARY,
    "n_positions": 16,
    "bos_token_id": 0,
    "eos_token_id": 0,
    "pad_token_id": 0,
}


def gpt2(kind: str, **more: Any) -> Callable[[], Any]:
    return lambda: getattr(transformers, f"GPT2{kind}")(transformers.GPT2Config(**SIZES, **more))


CASES: dict[str, tuple[Callable[[], Any], Mapping[str, int]]] = {
    "tied": (gpt2("LMHeadModel"), EVERY),
    "untied": (gpt2("LMHeadModel", tie_word_embeddings=False), EVERY),
    "classifier": (gpt2("ForSequenceClassification"), EVERY),
}


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
@pytest.mark.parametrize("case", CASES)
def test_the_function_is_unchanged(case: str, dtype: torch.dtype, tmp_path: Path) -> None:
    make, expected = CASES[case]
    model = pretrained(make(), {"input_ids": IDS}, ("logits",), tmp_path, dtype)
    assert_unchanged(built_in("gpt2"), model, expected)


@pytest.mark.parametrize("tied", [True, False])
def test_without_a_head_the_stream_stays(*, tied: bool, tmp_path: Path) -> None:
    module = gpt2("Model", tie_word_embeddings=tied)()
    model = pretrained(module, {"input_ids": IDS}, ("last_hidden_state",), tmp_path, torch.float64)
    assert_unchanged(built_in("gpt2"), model, {name: EVERY[name] for name in EVERY if name != "res"})


def test_names_without_the_prefix_and_masks_of_older_files(tmp_path: Path) -> None:
    """As the published GPT-2 is stored."""
    model = pretrained(CASES["tied"][0](), {"input_ids": IDS}, ("logits",), tmp_path, torch.float64)
    older = {name.removeprefix("transformer."): value for name, value in model.tensors.items()}
    older["h.0.attn.bias"] = torch.ones(1, 1, 16, 16, dtype=torch.bool).numpy()

    def forward(tensors: Any) -> Any:
        kept = {f"transformer.{name}": value for name, value in tensors.items() if "attn.bias" not in name}
        return model.forward(kept)

    assert_unchanged(built_in("gpt2"), model._replace(tensors=older, forward=forward), EVERY)
