"""AdaLoRA: factors with a diagonal between them, whose rank training has cut."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from mergec.adapters.adapter import Delta
from mergec.adapters.peft.orientation import laid_out

if TYPE_CHECKING:
    from mergec.adapters.peft.context import PeftContext
    from mergec.adapters.peft.names import PeftModule


def fold_adalora(module: PeftModule, context: PeftContext) -> None:
    """W + alpha / init_r * B @ (A * E); the ranks that training cut are not in the file."""
    names = ("lora_A", "lora_B", "lora_E")
    if all(role in module.factors and not prod(module.value(role).shape) for role in names):
        why = "AdaLoRA cut all of its ranks, so that it changes nothing"
        context.reading.ignored.update(dict.fromkeys(module.names, why))
        return
    if not context.has(module, *names):
        return
    target = context.weight_of(module)
    if target is None:
        return
    a, b, e = (module.value(role) for role in names)
    if b.shape[1] != a.shape[0] or e.shape != (a.shape[0], 1):
        context.misfit(module, target, "nothing")
        return
    product = b @ (a * e)
    value = laid_out(product, target, context)
    if value is None:
        context.misfit(module, target, product.shape)
        return
    rank, alpha = float(context.config.rank), context.config.alpha
    scale = (alpha if alpha > 0 else rank) / (rank + 1e-5)  # as PEFT guards its division
    context.reading.folds.append(Delta(target, module.names, value, scale))
