"""The dialect of Hugging Face's PEFT: adapter_config.json with adapter_model.safetensors or .bin."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from mergec.adapters.adapter import Reading
from mergec.adapters.errors import SeveralAdapters
from mergec.adapters.peft.adalora import fold_adalora
from mergec.adapters.peft.config import check_scales, read_peft_config
from mergec.adapters.peft.context import PeftContext
from mergec.adapters.peft.ia3 import fold_ia3
from mergec.adapters.peft.lora import fold_lora
from mergec.adapters.peft.names import BASE_LAYER, MARKS, PeftModule, by_module, taken_apart
from mergec.adapters.peft.norms import fold_norm
from mergec.adapters.peft.orientation import warn_of_unknown
from mergec.adapters.peft.products import fold_loha, fold_lokr
from mergec.adapters.peft.refused import why_refused
from mergec.adapters.peft.rotations import fold_boft, fold_oft
from mergec.adapters.peft.saved import fold_saved, split_by_kind
from mergec.adapters.peft.tokens import TOKENS, fold_tokens
from mergec.adapters.peft.vera import fold_vera
from mergec.diagnostics import MergecError, safe

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from mergec.adapters.adapter import Adapter
    from mergec.ir.expression import Tensor
    from mergec.ir.source_facts import SourceFacts

# peft_type -> the factors that it has, and the reader of one module's.
_LORA = frozenset(
    {"lora_A", "lora_B", "lora_B.bias", "lora_embedding_A", "lora_embedding_B", "lora_magnitude_vector"}
)
KINDS: dict[str, tuple[frozenset[str], Callable[[PeftModule, PeftContext], None]]] = {
    "LORA": (_LORA, fold_lora),
    "ADALORA": (frozenset({"lora_A", "lora_B", "lora_E"}), fold_adalora),
    "IA3": (frozenset({"ia3_l"}), fold_ia3),
    "LOHA": (frozenset(role for role in MARKS if role.startswith("hada_")), fold_loha),
    "LOKR": (frozenset(role for role in MARKS if role.startswith("lokr_")), fold_lokr),
    "OFT": (frozenset(role for role in MARKS if role.startswith("oft_")), fold_oft),
    "BOFT": (frozenset({"boft_R", "boft_s"}), fold_boft),
    "VERA": (frozenset(role for role in MARKS if role.startswith("vera_")), fold_vera),
    "LN_TUNING": (frozenset({"ln_tuning_layers", "ln_tuning_layers.bias"}), fold_norm),
    "TRAINABLE_TOKENS": (frozenset(), fold_tokens),
}
FOLDABLE = frozenset(KINDS)


class Peft:
    """Adapters as PEFT saves them, and raw state dicts of PEFT models with their configuration."""

    name = "peft"

    def recognises(self, names: Collection[str], facts: SourceFacts) -> bool:
        """By its configuration, or by its factors. A model saved with wrapped layers is no adapter."""
        if not names:
            return False
        has_factors = any(taken_apart(name).mark for name in names)
        if facts.adapter_config is not None and "peft_type" in facts.adapter_config:
            is_prefixed = all(name.startswith("base_model.") for name in names)
            return has_factors or is_prefixed or _is_unusual(facts)
        return has_factors and not any(f".{BASE_LAYER}." in name for name in names)

    def read(self, adapter: Adapter, base: Mapping[str, Tensor]) -> Reading:
        """The folds that the adapter stands for on this base. Mistakes go into the result's problems."""
        try:
            config = read_peft_config(adapter)
            # Nothing can be folded into tensors without elements, which some exports leave behind.
            held = {name: tensor for name, tensor in base.items() if prod(tensor.shape)}
            context = PeftContext(adapter, config, held)
            refusal = why_refused(config, FOLDABLE)
            if refusal is not None:
                context.refuse(*refusal)
                return context.reading
            check_scales(config)
        except MergecError as error:
            return Reading(problems=list(error.diagnostics))
        factors, full = split_by_kind(adapter.tensors)
        if not _is_one(factors, context):
            return context.reading
        fold_saved(full, context)  # first: factors may be for embeddings that the adapter itself brings
        known, fold = KINDS[config.kind]
        for module in by_module(adapter.tensors, factors):
            if TOKENS in module.factors:
                fold_tokens(module, context)
                continue
            module.factors = {role: value for role, value in module.factors.items() if role in known}
            if module.factors:
                fold(module, context)
        warn_of_unknown(context)
        return context.reading


def _is_unusual(facts: SourceFacts) -> bool:
    """Whether it is an adapter of a kind whose tensors have names of their own."""
    assert facts.adapter_config is not None
    is_named = facts.path == facts.folder or facts.path.name.startswith("adapter_model")
    return is_named and str(facts.adapter_config["peft_type"]).upper() not in FOLDABLE


def _is_one(factors: list[str], context: PeftContext) -> bool:
    names = sorted({taken_apart(name).adapter for name in factors})
    if len(names) <= 1:
        return True
    adapter = context.adapter
    shown = ", ".join(f"`{safe(name)}`" for name in names)
    advice = f'choose one with `keep: ["**.{names[-1]}.weight"]` on the source `{adapter.name}`'
    context.reading.problems.append(
        SeveralAdapters(span=adapter.span, adapter=adapter.name, names=shown, help=advice)
    )
    return False
