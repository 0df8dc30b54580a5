"""IA3: rows or columns of a weight rescaled."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

import re2

from mergec.adapters.adapter import Rewrite
from mergec.adapters.peft.orientation import is_transposed

if TYPE_CHECKING:
    from mergec.adapters.peft.context import PeftContext
    from mergec.adapters.peft.names import PeftModule
    from mergec.ir.expression import Tensor

ROLE = "ia3_l"


def fold_ia3(module: PeftModule, context: PeftContext) -> None:
    """W * l: what the layer puts out, with its bias; or of a feed-forward module what it takes in."""
    if not context.has(module, ROLE):
        return
    target = context.weight_of(module)
    if target is None:
        return
    name, scales = module.factors[ROLE]
    weight = context.base[target]
    is_input = _is_feedforward(module.path, context)
    column = _column(target, scales, context, is_input=is_input)
    if column is None:
        context.misfit(module, target, f"{max(scales.shape)} {'inputs' if is_input else 'outputs'}")
        return
    if column.shape[0] > 1 and is_input and len(weight.shape) > 2:  # the groups of a convolution
        grouped = (column.shape[0], weight.shape[0] // column.shape[0], *weight.shape[1:])
        context.reading.folds.append(
            Rewrite(target, (name,), lambda w, _: (w.reshape(*grouped) * column).reshape(*w.shape))
        )
    else:
        context.reading.folds.append(Rewrite(target, (name,), lambda w, _: w * column))
    bias = context.bias_of(target)
    if not is_input and bias in context.base:
        shape = context.base[bias].shape
        if prod(shape) != prod(scales.shape):
            context.misfit(module, bias, f"{prod(scales.shape)} outputs")
            return
        vector = scales.reshape(*shape)
        context.reading.folds.append(Rewrite(bias, (name,), lambda b, _: b * vector))


def _is_feedforward(path: str, context: PeftContext) -> bool:
    written = context.config.values.get("feedforward_modules")
    if isinstance(written, str):
        return bool(re2.fullmatch(written, path))
    return any(path.endswith(name) for name in context.config.module_names("feedforward_modules"))


def _column(target: str, scales: Tensor, context: PeftContext, *, is_input: bool) -> Tensor | None:
    """The scales, with axes that go with the weight's; None where their number does not fit."""
    shape = context.base[target].shape
    count = max(scales.shape)
    if prod(scales.shape) != count:
        return None
    if len(shape) > 2:
        if not is_input:
            return scales.reshape(count, *(1 for _ in shape[1:])) if count == shape[0] else None
        groups = count // shape[1]
        if count % shape[1] or shape[0] % groups:
            return None
        leading = (groups, 1) if groups > 1 else (1,)
        return scales.reshape(*leading, shape[1], *(1 for _ in shape[2:]))
    axes = [axis for axis in range(2) if shape[axis] == count]
    if not axes:
        return None
    axis = axes[0]
    if len(axes) > 1:
        axis = int(bool(is_transposed(target, (count, count), context)) is not is_input)
    else:
        context.orientations[target] = bool(axis) is not is_input
    return scales.reshape(1, count) if axis else scales.reshape(count, 1)
