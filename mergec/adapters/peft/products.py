"""LoHa, LoKr, VeRA and AdaLoRA: changes that are products of factors, scaled."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from mergec.adapters.adapter import Delta
from mergec.adapters.peft.names import taken_apart
from mergec.adapters.peft.orientation import is_transposed

if TYPE_CHECKING:
    from mergec.adapters.peft.context import PeftContext
    from mergec.adapters.peft.names import PeftModule
    from mergec.ir.expression import Tensor

_VERA = ("vera_A", "vera_B")


def fold_loha(module: PeftModule, context: PeftContext) -> None:
    """W + alpha / r * (w1_a @ w1_b) * (w2_a @ w2_b), with a core between the factors where there is one."""
    roles = ("hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b")
    cores = ("hada_t1", "hada_t2") if {"hada_t1", "hada_t2"} & module.factors.keys() else ()
    if not context.has(module, *roles, *cores):
        return
    target = context.weight_of(module)
    rank = _tensor(module, "hada_w1_b").shape[0]
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
            parts.append(_tensor(module, whole))
            continue
        if not context.has_rank(module, f"{whole}_b", _tensor(module, f"{whole}_b").shape[0]):
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
    spread = right.reshape(1, c, 1, d * prod(kernel))
    return (spread * left.reshape(a, 1, b, 1)).reshape(a * c, b * d * prod(kernel))


def fold_vera(module: PeftModule, context: PeftContext) -> None:
    """W + (b * B) @ (d * A), of projections A and B that all layers share and b, d of their own."""
    if module.factors.keys() <= set(_VERA):
        return  # the projections themselves: each layer uses them
    if not context.has(module, "vera_lambda_b", "vera_lambda_d"):
        return
    shared = _projections(context)
    if shared is None:
        reason = "A and B are drawn from torch's random generator when it is loaded, and not in this file"
        way = "save it with `save_projection=True`, or merge it with PEFT's merge_and_unload"
        context.refuse("VeRA without its projections", reason, way)
        return
    target = context.weight_of(module)
    if target is None:
        return
    outputs, inputs = (_tensor(module, "vera_lambda_b"), _tensor(module, "vera_lambda_d"))
    (a_name, a), (b_name, b) = shared
    size, rows, rank = prod(context.base[target].shape), outputs.shape[0], inputs.shape[0]
    columns = size // rows
    is_whole = len(outputs.shape) == len(inputs.shape) == 1 and len(a.shape) == len(b.shape) == 2
    if not is_whole or rows * columns != size or not _is_inside((rows, rank, columns), a, b):
        context.misfit(module, target, f"{rows} outputs")
        return
    left = b.part(0, 0, rows) * outputs.reshape(rows, 1)
    right = a.part(1, 0, columns) * inputs.reshape(a.shape[0], 1)
    value = _turned(left @ right, target, context)
    if value is None:
        context.misfit(module, target, (rows, columns))
        return
    context.reading.folds.append(Delta(target, (*module.names, a_name, b_name), value))


def _is_inside(sizes: tuple[int, int, int], a: Tensor, b: Tensor) -> bool:
    """Whether a layer of these outputs, rank and inputs has its part of the projections."""
    rows, rank, columns = sizes
    return rank == a.shape[0] == b.shape[1] and columns <= a.shape[1] and rows <= b.shape[0]


def _projections(context: PeftContext) -> tuple[tuple[str, Tensor], tuple[str, Tensor]] | None:
    found = {taken_apart(name).mark: (name, tensor) for name, tensor in context.adapter.tensors.items()}
    if not all(mark in found for mark in _VERA):
        return None
    return found["vera_A"], found["vera_B"]


def fold_adalora(module: PeftModule, context: PeftContext) -> None:
    """W + alpha / init_r * B @ (A * E); the ranks that training cut are not in the file."""
    names = ("lora_A", "lora_B", "lora_E")
    if all(role in module.factors and not prod(_tensor(module, role).shape) for role in names):
        why = "AdaLoRA cut all of its ranks, so that it changes nothing"
        context.reading.ignored.update(dict.fromkeys(module.names, why))
        return
    if not context.has(module, *names):
        return
    target = context.weight_of(module)
    if target is None:
        return
    a, b, e = (_tensor(module, role) for role in names)
    if b.shape[1] != a.shape[0] or e.shape != (a.shape[0], 1):
        context.misfit(module, target, "nothing")
        return
    product = b @ (a * e)
    value = _turned(product, target, context)
    if value is None:
        context.misfit(module, target, product.shape)
        return
    rank, alpha = float(context.config.rank), context.config.alpha
    scale = (alpha if alpha > 0 else rank) / (rank + 1e-5)  # as PEFT guards its division
    context.reading.folds.append(Delta(target, module.names, value, scale))


def _tensor(module: PeftModule, role: str) -> Tensor:
    return module.factors[role][1]


def _product(
    module: PeftModule, left: str, right: str, core: str, context: PeftContext, target: str
) -> Tensor | None:
    """Left @ right; with a core t the sum over i, j of t[i, j, k, l] left[i, p] right[j, r]: (p, r, k, l)."""
    a, b = _tensor(module, left), _tensor(module, right)
    if core not in module.factors or left == "lokr_w1_a":
        if a.shape[1] != b.shape[0]:
            context.misfit(module, target, "nothing")
            return None
        return a @ b
    t = _tensor(module, core)
    if len(t.shape) < 3 or t.shape[:2] != (a.shape[0], b.shape[0]):
        context.misfit(module, target, "nothing")
        return None
    # The core goes with the small factor first, so that the large one meets it in rows of the weight.
    outputs, inputs, kernel = a.shape[1], b.shape[1], t.shape[2:]
    rank, inner, taps = t.shape[0], t.shape[1], prod(kernel)
    core_rows = t.reshape(rank, inner, taps).permute(0, 2, 1).reshape(rank * taps, inner)
    held = (core_rows @ b).reshape(rank, taps, inputs).permute(0, 2, 1).reshape(rank, inputs * taps)
    return (a.transposed @ held).reshape(outputs, inputs, *kernel)


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


def _turned(product: Tensor, target: str, context: PeftContext) -> Tensor | None:
    """A change of (out, everything else) in the layout of its weight; None where it does not fit."""
    weight = context.base[target]
    made = (product.shape[0], product.shape[1])
    if len(weight.shape) > 2:
        fits = made == (weight.shape[0], prod(weight.shape[1:]))
        return product.reshape(*weight.shape) if fits else None
    configured = context.config.is_on("fan_in_fan_out")
    turns = is_transposed(target, made, context.base, configured=configured)
    if turns is None:
        return None
    return product.transposed if turns else product
