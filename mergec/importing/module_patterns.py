"""Which tensors belong to a module of a model with several, by the name that mergekit gives the module."""

from __future__ import annotations

import re

# The names that families of models give to what mergekit calls so.
_FAMILIES = {
    "text_decoder": ("language_model", "text_model", "lm_head"),
    "vision_tower": ("vision_tower", "vision_model", "vision_encoder", "visual"),
    "multi_modal_projector": ("multi_modal_projector", "mm_projector", "connector"),
    "encoder": ("encoder",),
    "decoder": ("decoder",),
}


def is_known_module(name: str) -> bool:
    """Whether the names of its tensors are known, rather than guessed from its own name."""
    return name in _FAMILIES


def module_pattern(name: str) -> str:
    """The tensors that have the name of the module, or one that means the same, in their own."""
    names = _FAMILIES.get(name, (re.sub(r"[^A-Za-z0-9_]", "_", name),))
    inner = names[0] if len(names) == 1 else f"({'|'.join(names)})"
    return f"re:(^|[.]){inner}[.]"
