"""Full tensors in PEFT adapters: saved modules, embeddings and biases."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mergec.adapters.adapter import Replacement
from mergec.adapters.errors import AdapterMisfit
from mergec.adapters.peft.names import BASE_LAYER, MODULES_TO_SAVE, taken_apart
from mergec.ir.tied_names import EMBEDDINGS, HEADS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from mergec.adapters.peft.context import PeftContext

# Heads of classifiers, which PEFT saves for its task types whether or not the configuration says so.
_TASK_HEADS = {"SEQ_CLS": ("classifier", "score"), "TOKEN_CLS": ("classifier", "score")}


def fold_saved(names: Iterable[str], context: PeftContext) -> None:
    """Each full tensor takes the place of the base's, or is added where the adapter declares a new one."""
    saved = dict.fromkeys(names)
    for name in saved:
        parts = taken_apart(name)
        target = f"{parts.path}.{parts.parameter}".removeprefix(".")
        if parts.is_original:
            context.reading.ignored[name] = "the untrained copies of modules that it saves"
        elif _is_second_copy(name, saved):
            context.reading.ignored[name] = "the second copies of modules that it saves"
        elif target in context.base:
            _replace(name, target, context)
        elif _is_new(target, parts.path, context):
            _put(name, target, context)
        else:
            context.missing((name,), target)


def _is_second_copy(name: str, saved: Collection[str]) -> bool:
    """Whether PEFT wrote this twice, as it does for saved embeddings in `modules_to_save`; both are equal."""
    before, marked, parameter = name.rpartition(f".{MODULES_TO_SAVE}.")
    return bool(marked) and f"{before}.{parameter}" in saved


def _replace(name: str, target: str, context: PeftContext) -> None:
    """Embeddings, heads and modules that are declared may have other rows than the base's: words, labels."""
    value, weight = context.adapter.tensors[name], context.base[target]
    may_grow = target.endswith((*EMBEDDINGS, *HEADS)) or f".{BASE_LAYER}." in name
    may_grow = may_grow or _declared_at(taken_apart(name).path, context) is not None
    is_alike = len(value.shape) == len(weight.shape) and value.shape[1:] == weight.shape[1:]
    if value.shape == weight.shape or (may_grow and is_alike):
        _put(name, target, context)
        return
    notes = (
        f"`{context.adapter.name}` holds {list(value.shape)}",
        f"the base holds {list(weight.shape)}",
    )
    context.reading.problems.append(
        AdapterMisfit(span=context.adapter.span, adapter=context.adapter.name, target=target, notes=notes)
    )


def _put(name: str, target: str, context: PeftContext) -> None:
    value = context.adapter.tensors[name]
    context.reading.folds.append(Replacement(target, (name,), value))
    context.base[target] = value


def _is_new(target: str, path: str, context: PeftContext) -> bool:
    """Whether the adapter declares this module as its own, and the base does not hold it elsewhere."""
    begin = _declared_at(path, context)
    if begin is None:
        return False
    ending = f".{target}"[begin:]
    return not any(f".{name}".endswith(ending) for name in context.base)


def _declared_at(path: str, context: PeftContext) -> int | None:
    """Where in the path of a module the name begins under which the adapter declares that it saves it."""
    declared = [
        *context.config.module_names("modules_to_save"),
        *_TASK_HEADS.get(str(context.config.values.get("task_type")), ()),
    ]
    begins = [f".{path}.".find(f".{name}.") for name in declared]
    return min((at for at in begins if at >= 0), default=None)


def split_by_kind(names: Iterable[str]) -> tuple[list[str], list[str]]:
    """The names of factors, and those of full tensors."""
    factors: list[str] = []
    full: list[str] = []
    for name in names:
        (factors if taken_apart(name).mark else full).append(name)
    return factors, full
