"""Extracted adapters in PEFT's format: names of tensors, and adapter_config.json."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import TYPE_CHECKING

from mergec.adapters.extraction import Layer
from mergec.ir.config_edit import AdapterFiles
from mergec.ir.model_table import Entry
from mergec.sources.side_config import ADAPTER_CONFIG

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mergec.adapters.extraction import Extraction

_PREFIX = "base_model.model."
_WEIGHTS = "adapter_model.safetensors"
_FACTORS = ("lora_A.weight", "lora_B.weight")
_OF_EMBEDDINGS = ("lora_embedding_A", "lora_embedding_B")
_CAUSAL = "ForCausalLM"


def peft_entries(extraction: Extraction) -> dict[str, Entry]:
    """The tensors by the names that PEFT gives them. Biases of layers with factors lie one deeper."""
    entries: dict[str, Entry] = {}
    for name, found in extraction.factors.items():
        names = _OF_EMBEDDINGS if found.layer is Layer.EMBEDDING else _FACTORS
        for part, value in zip(names, (found.down, found.up), strict=True):
            entries[f"{_PREFIX}{_path(name)}.{part}"] = Entry(value.node, found.dtype)
    for name, entry in extraction.whole.items():
        path, _, parameter = name.rpartition(".")
        inner = "base_layer." if _is_beside(name, extraction) else ""
        entries[f"{_PREFIX}{path}.{inner}{parameter}"] = entry
    return entries


def peft_config(extraction: Extraction, base: Mapping[str, object]) -> dict[str, object]:
    """The content of adapter_config.json. `base` is the config.json of the model that the adapter is for."""
    ranks = {_path(name): found.rank for name, found in extraction.factors.items()}
    common = Counter(ranks.values()).most_common(1)[0][0]
    # Anchored: a path may also be the end of another one.
    others = {f"^{re.escape(path)}": rank for path, rank in ranks.items() if rank != common}
    saved = dict.fromkeys(_path(name) for name in extraction.whole if not _is_beside(name, extraction))
    has_biases = any(_is_beside(name, extraction) for name in extraction.whole)
    architectures = base.get("architectures")
    is_causal = isinstance(architectures, list) and any(str(one).endswith(_CAUSAL) for one in architectures)
    turned = any(found.layer is Layer.TURNED for found in extraction.factors.values())
    return {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM" if is_causal else None,
        "base_model_name_or_path": base.get("_name_or_path") or None,
        "inference_mode": True,
        "r": common,
        "lora_alpha": common,
        "lora_dropout": 0.0,
        "rank_pattern": others,
        "alpha_pattern": others,  # the factors are the change itself, so every scale is 1
        "target_modules": list(ranks),
        "modules_to_save": list(saved) or None,
        "bias": "all" if has_biases else "none",
        "fan_in_fan_out": turned,
        "use_rslora": False,
        "use_dora": False,
    }


def peft_files(config: Mapping[str, object]) -> AdapterFiles:
    """The files of the adapter's folder."""
    return AdapterFiles(_WEIGHTS, ((ADAPTER_CONFIG, json.dumps(config, indent=2, sort_keys=True) + "\n"),))


def _path(name: str) -> str:
    return name.rpartition(".")[0]


def _is_beside(name: str, extraction: Extraction) -> bool:
    """Whether a tensor is the bias of a layer whose weight has factors."""
    return name.endswith(".bias") and f"{_path(name)}.weight" in extraction.factors
