"""Which way round the base stores a linear layer: (out, in), or (in, out) as transformers' Conv1D does."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from mergec.adapters.errors import UnknownOrientation
from mergec.diagnostics import safe

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mergec.adapters.peft.context import PeftContext
    from mergec.ir.expression import Tensor


def laid_out(product: Tensor, target: str, context: PeftContext) -> Tensor | None:
    """A change of (out, everything else) in the layout of its weight; None where it does not fit."""
    weight = context.base[target]
    made = (product.shape[0], product.shape[1])
    if len(weight.shape) > 2:
        fits = made == (weight.shape[0], prod(weight.shape[1:]))
        return product.reshape(*weight.shape) if fits else None
    turns = is_transposed(target, made, context)
    if turns is None:
        return None
    return product.transposed if turns else product


def is_transposed(weight: str, made: tuple[int, int], context: PeftContext) -> bool | None:
    """Whether a weight is (in, out), where its change is made as (out, in); None where neither fits.

    Shapes decide. A square weight says nothing, and `fan_in_fan_out` is what the last layer that PEFT
    wrapped made of it; so a layer of the same module that is not square and has a bias, whose length is
    the number of outputs, is asked first. Layers of other modules say nothing: CLVP has Linear in its
    attention and Conv1D in its MLP.
    """
    shape = context.base[weight].shape
    if shape not in {made, made[::-1]}:
        return None
    found = shape != made if made[0] != made[1] else _outputs_last(weight, context.base)
    context.orientations[weight] = found
    return context.config.is_on("fan_in_fan_out") if found is None else found


def warn_of_unknown(context: PeftContext) -> None:
    """MC0346 for square weights of which only the configuration tells, beside layers that are Conv1D."""
    turned = next((name for name, found in context.orientations.items() if found), None)
    unknown = [name for name, found in context.orientations.items() if found is None]
    if turned is None or not unknown:
        return
    turns = context.config.is_on("fan_in_fan_out")
    first, said, other = ("inputs", "on", "false") if turns else ("outputs", "off", "true")
    beside = f"it is square; the adapter also changes `{safe(turned)}`, which has its inputs first (Conv1D)"
    taken = f"it is taken to have its {first} first: `fan_in_fan_out` is {said} in adapter_config.json"
    advice = (
        f"where that is wrong, fold those layers from a copy of the adapter with `fan_in_fan_out: {other}`: "
        "`keep` them on its source, and `drop` them here"
    )
    context.reading.warnings.append(
        UnknownOrientation(
            span=context.adapter.span,
            adapter=context.adapter.name,
            tensor=unknown[0],
            more=f" and {len(unknown) - 1} more" if len(unknown) > 1 else "",
            notes=(beside, taken),
            help=advice,
        )
    )


def _outputs_last(weight: str, base: Mapping[str, Tensor]) -> bool | None:
    """Whether the first layer beside this one that can tell has its outputs last."""
    for name in _beside(weight, base):
        shape = base[name].shape
        bias = base.get(f"{name.removesuffix('weight')}bias")
        if bias is not None and len(shape) == 2 and shape[0] != shape[1] and len(bias.shape) == 1:
            return bias.shape[0] == shape[1]
    return None


def _beside(weight: str, base: Mapping[str, Tensor]) -> Iterable[str]:
    """The weights of the layers in the same module; the base may hold very many names."""
    module = ".".join([*weight.split(".")[:-2], ""])
    depth = weight.count(".")
    names = (name for name in base if name.startswith(module) and name.endswith(".weight"))
    return (name for name in names if name.count(".") == depth)
