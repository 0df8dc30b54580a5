"""Names that only the tensors of adapters have."""

from __future__ import annotations

import re

_FACTOR = re.compile(
    r"(?:^|\.)(?:lora_(?:A|B|E|up|down|mid|embedding_A|embedding_B|magnitude_vector)|lora\.(?:up|down)|"
    r"lora_linear_layer|(?:to|add)_\w+_lora|dora_scale|"
    r"hada_[wt]\w+|lokr_[wt]\w+|oft_\w+|boft_\w+|ia3_l|vera_\w+|ln_tuning_layers|trainable_tokens_delta)(?:\.|$)"
)


def is_factor(name: str) -> bool:
    """Whether a tensor of this name is a factor of an adapter, and no weight."""
    return _FACTOR.search(name) is not None
