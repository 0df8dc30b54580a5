"""The names of the tensors in adapters of diffusers, of today and of before."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mergec.adapters.images.components import COMPONENTS

if TYPE_CHECKING:
    from collections.abc import Collection

_DOWN, _UP = "lora_down.weight", "lora_up.weight"
# What stands behind the path of a module, and what it is.
_ENDINGS = {
    ".lora_A.weight": _DOWN,
    ".lora_B.weight": _UP,
    ".lora_B.bias": "lora_B.bias",
    ".lora_magnitude_vector": "lora_magnitude_vector",
    ".lora_magnitude_vector.weight": "lora_magnitude_vector",
    ".lora.down.weight": _DOWN,
    ".lora.up.weight": _UP,
    ".lora_linear_layer.down.weight": _DOWN,
    ".lora_linear_layer.up.weight": _UP,
}
# Attention processors held the factors beside the projections that they belong to.
_OF_PROCESSORS = {
    f"{name}_lora.{side}.weight": (projection, part)
    for name, projection in {
        "to_q": "to_q",
        "to_k": "to_k",
        "to_v": "to_v",
        "to_out": "to_out.0",
        "add_q_proj": "add_q_proj",
        "add_k_proj": "add_k_proj",
        "add_v_proj": "add_v_proj",
        "to_add_out": "to_add_out",
    }.items()
    for side, part in (("down", _DOWN), ("up", _UP))
}
_IN_TEXT_ENCODERS = {"to_q": "q_proj", "to_k": "k_proj", "to_v": "v_proj", "to_out.0": "out_proj"}
_PROCESSOR = ".processor"

PARTS = tuple({f"{prefix}.": None for component in COMPONENTS for prefix in component.dotted if prefix})


class PartOfModule(NamedTuple):
    """A tensor: the path of its module with the component before it, and what it is of the module."""

    module: str
    part: str


def taken_apart(name: str, others: Collection[str]) -> PartOfModule | None:
    """Which module a tensor belongs to; None for a name that is none of an adapter.

    Args:
        name: its name in the adapter.
        others: what tensors of modules are called by kohya-ss, which stand behind a dot here too.
    """
    for ending, part in _ENDINGS.items():
        if name.endswith(ending):
            return PartOfModule(_without_processor(name.removesuffix(ending)), part)
    for ending, (projection, part) in _OF_PROCESSORS.items():
        if name.endswith(f".{ending}"):
            path = _without_processor(name.removesuffix(f".{ending}"))
            if name.startswith("text_encoder"):
                projection = _IN_TEXT_ENCODERS.get(projection, projection)  # noqa: PLW2901
            return PartOfModule(f"{path}.{projection}", part)
    for part in others:
        if name.endswith(f".{part}"):
            return PartOfModule(_without_processor(name.removesuffix(f".{part}")), part)
    return None


def component_of(module: str) -> str:
    """The part of a pipeline that a module is in, with its dot; empty where the name does not say."""
    return next((part for part in PARTS if module.startswith(part)), "")


def _without_processor(path: str) -> str:
    return path.replace(f"{_PROCESSOR}.", ".").removesuffix(_PROCESSOR)
