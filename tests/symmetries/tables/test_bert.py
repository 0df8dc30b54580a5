from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
import transformers

from mergec.symmetries.table import built_in
from tests.symmetries.invariance import assert_unchanged
from tests.symmetries.tables.models import IDS, VOCABULARY, pretrained

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

LAYERS = {"h": 2, "qk": 2, "v": 2, "ffn": 2}
SIZES: dict[str, Any] = {
    "hidden_size": 24,
    "intermediate_size": 20,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "vocab_size": VOCABULARY,
    "max_position_embeddings": 16,
}


def bert(kind: str, **more: Any) -> Callable[[], Any]:
    return lambda: getattr(transformers, f"Bert{kind}")(transformers.BertConfig(**SIZES, **more))


def roberta(kind: str, **more: Any) -> Callable[[], Any]:
    config = transformers.RobertaConfig
    return lambda: getattr(transformers, f"Roberta{kind}")(config(**SIZES, pad_token_id=1, **more))


CASES: dict[str, tuple[Callable[[], Any], tuple[str, ...], Mapping[str, int]]] = {
    "MLM, tied": (bert("ForMaskedLM"), ("logits",), {"res": 1, **LAYERS}),
    "MLM, untied": (
        bert("ForMaskedLM", tie_word_embeddings=False),
        ("logits",),
        {"res": 1, "head": 1, **LAYERS},
    ),
    "pretraining": (
        bert("ForPreTraining"),
        ("prediction_logits", "seq_relationship_logits"),
        {"res": 1, "pool": 1, **LAYERS},
    ),
    "classifier": (bert("ForSequenceClassification"), ("logits",), {"res": 1, "pool": 1, **LAYERS}),
    "tokens": (bert("ForTokenClassification"), ("logits",), {"res": 1, **LAYERS}),
    "questions": (bert("ForQuestionAnswering"), ("start_logits", "end_logits"), {"res": 1, **LAYERS}),
    "no head": (bert("Model"), ("last_hidden_state", "pooler_output"), LAYERS),
    "RoBERTa": (roberta("ForMaskedLM"), ("logits",), {"res": 1, **LAYERS}),
    "RoBERTa, untied": (
        roberta("ForMaskedLM", tie_word_embeddings=False),
        ("logits",),
        {"res": 1, "lm": 1, **LAYERS},
    ),
    "RoBERTa, classifier": (
        roberta("ForSequenceClassification"),
        ("logits",),
        {"res": 1, "dense": 1, **LAYERS},
    ),
}


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
@pytest.mark.parametrize("case", CASES)
def test_the_function_is_unchanged(case: str, dtype: torch.dtype, tmp_path: Path) -> None:
    make, outputs, expected = CASES[case]
    model = pretrained(make(), {"input_ids": IDS}, outputs, tmp_path, dtype)
    assert_unchanged(built_in("bert"), model, expected)


def test_the_first_names_of_norms(tmp_path: Path) -> None:
    """As the published BERT is stored."""
    model = pretrained(bert("ForMaskedLM")(), {"input_ids": IDS}, ("logits",), tmp_path, torch.float64)
    older = {
        name: name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta")
        for name in model.tensors
    }
    first = model._replace(
        tensors={older[name]: value for name, value in model.tensors.items()},
        forward=lambda tensors: model.forward({name: tensors[older[name]] for name in older}),
    )
    assert "bert.embeddings.LayerNorm.gamma" in first.tensors
    assert_unchanged(built_in("bert"), first, {"res": 1, **LAYERS})


@pytest.mark.parametrize("told", [True, False])
def test_a_pooler_that_nothing_reads_beside_a_classifier_of_tokens(*, told: bool, tmp_path: Path) -> None:
    """As the first versions of transformers stored them; config.json says what reads what, or may not."""
    module = bert("ForTokenClassification")()
    model = pretrained(module, {"input_ids": IDS}, ("logits",), tmp_path, torch.float64)
    pooler = {"bert.pooler.dense.weight": np.eye(24), "bert.pooler.dense.bias": np.arange(24.0)}
    older = model._replace(
        tensors={**model.tensors, **pooler},
        config=model.config if told else {**model.config, "architectures": None},
        forward=lambda tensors: model.forward({name: tensors[name] for name in model.tensors}),
    )
    assert_unchanged(built_in("bert"), older, {"res": 1, **LAYERS})


def test_a_classifier_that_may_read_the_pooler_or_the_stream(tmp_path: Path) -> None:
    module = bert("ForSequenceClassification")()
    model = pretrained(module, {"input_ids": IDS}, ("logits",), tmp_path, torch.float64)
    config = {name: value for name, value in model.config.items() if name != "architectures"}
    assert_unchanged(built_in("bert"), model._replace(config=config), {"res": 1, **LAYERS})
