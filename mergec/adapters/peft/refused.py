"""PEFT adapters that are not folded, each with the reason and the way out."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from mergec.adapters.peft.config import PeftConfig


class Refusal(NamedTuple):
    """Why a kind of adapter is not folded, and what can be done instead."""

    kind: str
    reason: str
    advice: str


_PROMPT = "it adds virtual words to the input, or states to the attention, and changes no weight"
_SERVE = "load it with PEFT beside the model; there is nothing that could be merged"
_UNSUPPORTED = "its formula is not in mergec yet"
_MERGE = "merge it with PEFT's merge_and_unload, and use the result as a source"

_PROMPT_KINDS = {
    "PROMPT_TUNING": "prompt tuning",
    "MULTITASK_PROMPT_TUNING": "multitask prompt tuning",
    "P_TUNING": "p-tuning",
    "PREFIX_TUNING": "prefix tuning",
    "ADAPTION_PROMPT": "an adaption prompt (LLaMA-Adapter)",
    "CPT": "context-aware prompt tuning (CPT)",
    "CARTRIDGE": "a cartridge",
}
_ROUTED = "which weights it uses depends on the input, so that no single weight stands for it"
_SEEDED = "a part of it is drawn from torch's random generator when it is loaded, and is not in its file"
# peft_type -> the refusal. Types that are neither here nor folded are refused by name.
KINDS: dict[str, Refusal] = {
    **{kind: Refusal(name, _PROMPT, _SERVE) for kind, name in _PROMPT_KINDS.items()},
    "XLORA": Refusal("X-LoRA", _ROUTED, "fold one of its LoRA adapters, or load it with PEFT"),
    "POLY": Refusal("Poly", _ROUTED, "load it with PEFT"),
    "FOURIERFT": Refusal("FourierFT", _SEEDED, _MERGE),
    "RANDLORA": Refusal("RandLoRA", _SEEDED, _MERGE),
    "VBLORA": Refusal("VB-LoRA", "its vectors are shared by all layers through top-k choices", _MERGE),
    "PVERA": Refusal("PVeRA", "it draws its change anew for every input", "load it with PEFT"),
    "MIXED": Refusal("a mixed model", "it holds several kinds of adapters", "save and fold them one by one"),
}

_RESIDUAL = (
    "training began by taking the factors' start out of the base, so that the original base plus the factors "
    "is not what was trained"
)
_RESIDUAL_WAY = (
    "fold it into the residual base that was saved at the start, and write `residual_base: true` on the "
    "adapter; or save it with `path_initial_model_for_weight_conversion`, which makes a plain LoRA of it"
)
_UNKNOWN_START = (
    "mergec does not know this `init_lora_weights`: a start that changes the base makes a plain fold wrong"
)
# The names in `init_lora_weights` that leave the base as it is.
PLAIN_STARTS = frozenset({"gaussian", "eva", "orthogonal", "mica"})
# The beginnings of `init_lora_weights` that change the base.
RESIDUAL_STARTS: dict[str, str] = {
    "pissa": "PiSSA",
    "olora": "OLoRA",
    "corda": "CorDA",
    "lora_ga": "LoRA-GA",
    "loftq": "LoftQ",
}
# Switches of LoRA configurations -> the refusal.
SWITCHES: dict[str, Refusal] = {
    "alora_invocation_tokens": Refusal(
        "an activated LoRA (aLoRA)", "it acts only on the words after its invocation", "load it with PEFT"
    ),
    "arrow_config": Refusal(
        "an Arrow router", _ROUTED, "fold one of its LoRA adapters, or load it with PEFT"
    ),
    "use_qalora": Refusal(
        "QALoRA", "its factors work on pooled groups of inputs of a GPTQ base", "load it with PEFT"
    ),
    "kasa_config": Refusal("KaSA", "it is for a base whose smallest singular values were cut off", _MERGE),
    "use_bdlora": Refusal("BD-LoRA", "its factors are blocks for a split model", _MERGE),
    "layer_replication": Refusal(
        "LoRA on replicated layers",
        "it is for a model whose layers are repeated, and its layer numbers count the copies",
        "make the stack with `op: layers`, fold into that, and take `layer_replication` out of the config",
    ),
}


def why_refused(config: PeftConfig, foldable: frozenset[str]) -> Refusal | None:
    """Why an adapter of this configuration is not folded; None where it is."""
    if config.kind in KINDS:
        return KINDS[config.kind]
    if config.kind not in foldable:
        return Refusal(f"PEFT type {config.kind}", _UNSUPPORTED, _MERGE)
    switched_on = (refusal for key, refusal in SWITCHES.items() if config.is_on(key))
    return next(switched_on, None) or _residual(config)


def _residual(config: PeftConfig) -> Refusal | None:
    start = config.values.get("init_lora_weights")
    if start is None or isinstance(start, bool) or config.adapter.is_for_residual:
        return None
    if not isinstance(start, str):
        return Refusal("LoRA with an unknown start", _UNKNOWN_START, _RESIDUAL_WAY)
    if start.lower() in PLAIN_STARTS:
        return None
    # PEFT's conversion to a plain LoRA writes `init_lora_weights: true`, so this text tells for sure.
    name = next((name for key, name in RESIDUAL_STARTS.items() if start.lower().startswith(key)), None)
    if name is None:
        return Refusal(f"LoRA with the start {start}", _UNKNOWN_START, _RESIDUAL_WAY)
    return Refusal(name, _RESIDUAL, _RESIDUAL_WAY)
