"""Tensor names of PEFT adapters, without what wrappers and adapter names put into them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mergec.ir.expression import Tensor

# Segments that begin the part of a name that belongs to PEFT: factors by the name of their role.
MARKS = frozenset(
    {
        *("lora_A", "lora_B", "lora_E", "lora_embedding_A", "lora_embedding_B", "lora_magnitude_vector"),
        *("hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b", "hada_t1", "hada_t2"),
        *("lokr_w1", "lokr_w1_a", "lokr_w1_b", "lokr_w2", "lokr_w2_a", "lokr_w2_b", "lokr_t2"),
        *("oft_R", "oft_embedding_R", "oft_r", "boft_R", "boft_s", "ia3_l"),
        *("vera_lambda_b", "vera_lambda_d", "vera_A", "vera_B"),
        *("ln_tuning_layers", "trainable_tokens_delta"),
    }
)
BASE_LAYER = "base_layer"
MODULES_TO_SAVE = "modules_to_save"
_ORIGINAL = "original_module"
# What PEFT, and what runs under DDP, FSDP, torch.compile and activation checkpoints, put around a model.
_PREFIX = ["base_model", "model"]
_LEADING = {"module", "_orig_mod"}
_ANYWHERE = {"_fsdp_wrapped_module", "_checkpoint_wrapped_module", "_orig_mod", "token_adapter"}
_PARAMETERS = {"weight", "bias"}


class PeftName(NamedTuple):
    """A name taken apart.

    `path` is the module's in the base; `depth` counts the wrappers of its parameters (`base_layer`)
    that the factor stands under. `mark` is empty for a full tensor, whose last segment `parameter` is.
    `adapter` is the adapter's name where the key holds one. `is_original` tells the untrained copy that a
    raw state dict has beside a saved module.
    """

    path: str
    mark: str
    parameter: str
    adapter: str = ""
    depth: int = 0
    is_original: bool = False

    @property
    def role(self) -> str:
        """The mark; that of a bias has its parameter's name as well."""
        return f"{self.mark}.bias" if self.mark and self.parameter == "bias" else self.mark


@dataclass(slots=True)
class PeftModule:
    """The factors of one module of the base: role -> name in the adapter and value."""

    path: str
    depth: int
    factors: dict[str, tuple[str, Tensor]] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of its tensors in the adapter."""
        return tuple(name for name, _ in self.factors.values())

    def value(self, role: str) -> Tensor:
        """The factor of this role, which the module has."""
        return self.factors[role][1]


def taken_apart(name: str) -> PeftName:
    """The parts of a tensor's name."""
    segments = _unwrapped(name.split("."))
    at = next((index for index, segment in enumerate(segments) if segment in MARKS), None)
    if at is None:
        return _full_tensor(segments)
    path, depth = _module(segments[:at])
    rest = segments[at + 1 :]
    parameter = rest.pop() if rest and rest[-1] in _PARAMETERS else ""
    return PeftName(path, segments[at], parameter, ".".join(rest), depth)


def by_module(tensors: Mapping[str, Tensor], names: Iterable[str]) -> list[PeftModule]:
    """The factors, put together by the module that they change."""
    modules: dict[tuple[str, int], PeftModule] = {}
    for name in names:
        parts = taken_apart(name)
        module = modules.setdefault((parts.path, parts.depth), PeftModule(parts.path, parts.depth))
        module.factors[parts.role] = (name, tensors[name])
    return list(modules.values())


def _unwrapped(segments: list[str]) -> list[str]:
    kept = [segment for segment in segments if segment not in _ANYWHERE]
    is_prefixed = False
    while len(kept) > 1:
        if kept[0] in _LEADING:
            kept = kept[1:]
        elif kept[:2] == _PREFIX and not is_prefixed:
            kept, is_prefixed = kept[2:], True
        else:
            break
    return kept


def _module(segments: list[str]) -> tuple[str, int]:
    """The path of a module, and how many `base_layer` it ends with."""
    depth = 0
    while segments and segments[-1 - depth :][:1] == [BASE_LAYER] and depth < len(segments) - 1:
        depth += 1
    return ".".join(segment for segment in segments if segment != BASE_LAYER), depth


def _full_tensor(segments: list[str]) -> PeftName:
    kept = [segment for segment in segments if segment not in {BASE_LAYER, _ORIGINAL}]
    adapter = ""
    if MODULES_TO_SAVE in kept[:-1]:
        at = kept.index(MODULES_TO_SAVE)
        adapter = kept[at + 1] if at + 2 < len(kept) else ""
        kept = kept[:at] + kept[at + (2 if adapter else 1) :]
    return PeftName(".".join(kept[:-1]), "", kept[-1], adapter, is_original=_ORIGINAL in segments)
