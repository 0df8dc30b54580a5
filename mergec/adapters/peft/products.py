"""LoHa and LoKr: changes that are element-wise or Kronecker products of smaller ones."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from mergec.adapters.adapter import Delta
from mergec.adapters.formulas import kronecker, tucker

if TYPE_CHECKING:
    from mergec.adapters.peft.context import PeftContext
    from mergec.adapters.peft.names import PeftModule
    from mergec.ir.expression import Tensor


def fold_loha(module: PeftModule, context: PeftContext) -> None:
    """W + alpha / r * (w1_a @ w1_b) * (w2_a @ w2_b), with a core between the factors where there is one."""
    roles = ("hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b")
    cores = ("hada_t1", "hada_t2") if {"hada_t1", "hada_t2"} & module.factors.keys() else ()
    if not context.has(module, *roles, *cores):
        return
    target = context.weight_of(module)
    rank = module.value("hada_w1_b").shape[0]
    if target is None or not context.has_rank(module, "hada_w1_b", rank):
        return
    first, second = (
        _product(module, f"hada_w{number}_a", f"hada_w{number}_b", f"hada_t{number}", context, target)
        for number in (1, 2)
    )
    if first is None or second is None:
        return
    if first.shape != second.shape:
        context.misfit(module, target, "nothing")
        return
    _add(module, target, first * second, rank, context, rows=first.shape[0])


def fold_lokr(module: PeftModule, context: PeftContext) -> None:
    """W + alpha / r * kron(w1, w2), each of them whole or a product of factors."""
    for whole in ("lokr_w1", "lokr_w2"):
        if not context.has(module, *((whole,) if whole in module.factors else (f"{whole}_a", f"{whole}_b"))):
            return
    target = context.weight_of(module)
    if target is None:
        return
    rank = context.config.rank_of(module.path)
    parts: list[Tensor] = []
    for whole in ("lokr_w1", "lokr_w2"):
        if whole in module.factors:
            parts.append(module.value(whole))
            continue
        if not context.has_rank(module, f"{whole}_b", module.value(f"{whole}_b").shape[0]):
            return
        made = _product(module, f"{whole}_a", f"{whole}_b", "lokr_t2", context, target)
        if made is None:
            return
        parts.append(made)
    value = _kronecker(*parts)
    if value is None:
        context.misfit(module, target, "nothing")
        return
    _add(module, target, value, rank, context, rows=parts[0].shape[0] * parts[1].shape[0])


def _kronecker(left: Tensor, right: Tensor) -> Tensor | None:
    """The Kronecker product of (a, b) with (c, d, and the axes of a kernel); None where they are not.

    The kernel's axes are the last of the right operand alone, so they stay the last of the product. With
    one of them, of a Conv1d whose factor is whole, PEFT trains another product: left as (1, a, b), so that
    its rows are multiplied with the inputs d and its columns with the kernel.
    """
    if len(left.shape) != 2 or len(right.shape) < 2:
        return None
    a, b = left.shape
    c, d, *kernel = right.shape
    if len(kernel) == 1:
        return (right.reshape(c, 1, d, 1, *kernel) * left.reshape(1, a, 1, b, 1)).reshape(
            c, a * d, b * kernel[0]
        )
    return kronecker(left, right)


def _product(
    module: PeftModule, left: str, right: str, core: str, context: PeftContext, target: str
) -> Tensor | None:
    """Left @ right; with a core t the sum over i, j of t[i, j, k, l] left[i, p] right[j, r]: (p, r, k, l)."""
    a, b = module.value(left), module.value(right)
    if core not in module.factors or left == "lokr_w1_a":
        if a.shape[1] != b.shape[0]:
            context.misfit(module, target, "nothing")
            return None
        return a @ b
    t = module.value(core)
    if len(t.shape) < 3 or t.shape[:2] != (a.shape[0], b.shape[0]):
        context.misfit(module, target, "nothing")
        return None
    return tucker(a.transposed, t, b).reshape(a.shape[1], b.shape[1], *t.shape[2:])


def _add(
    module: PeftModule, target: str, value: Tensor, rank: int, context: PeftContext, *, rows: int
) -> None:
    """Add a change of so many outputs, laid out as its weight is."""
    weight = context.base[target]
    if rows != weight.shape[0] or prod(value.shape) != prod(weight.shape):
        context.misfit(module, target, (rows, prod(value.shape) // rows))
        return
    scale = context.config.scale_of(module.path, rank)
    context.reading.folds.append(Delta(target, module.names, value.reshape(*weight.shape), scale))
