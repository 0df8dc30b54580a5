"""VeRA: two projections that all layers share, scaled by vectors of each layer's own."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from mergec.adapters.adapter import Delta
from mergec.adapters.peft.names import taken_apart
from mergec.adapters.peft.orientation import laid_out

if TYPE_CHECKING:
    from mergec.adapters.peft.context import PeftContext
    from mergec.adapters.peft.names import PeftModule
    from mergec.ir.expression import Tensor

_PROJECTIONS = ("vera_A", "vera_B")


def fold_vera(module: PeftModule, context: PeftContext) -> None:
    """W + (b * B) @ (d * A), of projections A and B that all layers share and b, d of their own."""
    if module.factors.keys() <= set(_PROJECTIONS):
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
    outputs, inputs = (module.value(role) for role in ("vera_lambda_b", "vera_lambda_d"))
    (a_name, a), (b_name, b) = shared
    size, rows, rank = prod(context.base[target].shape), outputs.shape[0], inputs.shape[0]
    columns = size // rows
    is_whole = len(outputs.shape) == len(inputs.shape) == 1 and len(a.shape) == len(b.shape) == 2
    if not is_whole or rows * columns != size or not _is_inside((rows, rank, columns), a, b):
        context.misfit(module, target, f"{rows} outputs")
        return
    left = b.part(0, 0, rows) * outputs.reshape(rows, 1)
    right = a.part(1, 0, columns) * inputs.reshape(a.shape[0], 1)
    value = laid_out(left @ right, target, context)
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
    if not all(mark in found for mark in _PROJECTIONS):
        return None
    return found["vera_A"], found["vera_B"]
