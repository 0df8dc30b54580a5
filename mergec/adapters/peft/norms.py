"""LN tuning: layer norms trained in full."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mergec.adapters.adapter import Replacement

if TYPE_CHECKING:
    from mergec.adapters.peft.context import PeftContext
    from mergec.adapters.peft.names import PeftModule

_ROLE = "ln_tuning_layers"


def fold_norm(module: PeftModule, context: PeftContext) -> None:
    """The weight and the bias of a norm take the place of the base's."""
    if not context.has(module, *module.factors):
        return
    for role, (name, value) in module.factors.items():
        target = f"{module.path}.{'bias' if role == f'{_ROLE}.bias' else 'weight'}"
        if target not in context.base:
            context.missing((name,), target)
        elif context.base[target].shape != value.shape:
            context.misfit(module, target, value.shape)
        else:
            context.reading.folds.append(Replacement(target, (name,), value))
