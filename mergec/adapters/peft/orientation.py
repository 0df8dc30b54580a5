"""Which way round the base stores a linear layer: (out, in), or (in, out) as transformers' Conv1D does."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

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
    configured = context.config.is_on("fan_in_fan_out")
    turns = is_transposed(target, made, context.base, configured=configured)
    if turns is None:
        return None
    return product.transposed if turns else product


def is_transposed(
    weight: str, made: tuple[int, int], base: Mapping[str, Tensor], *, configured: bool
) -> bool | None:
    """Whether a weight is (in, out), where its change is made as (out, in); None where neither fits.

    Shapes decide. A square weight says nothing, and `fan_in_fan_out` is what the last layer that PEFT
    wrapped made of it; so a layer of the same module that is not square and has a bias, whose length is
    the number of outputs, is asked first. Layers of other modules say nothing: CLVP has Linear in its
    attention and Conv1D in its MLP.
    """
    shape = base[weight].shape
    if shape not in {made, made[::-1]}:
        return None
    if made[0] != made[1]:
        return shape != made
    found = _outputs_last(weight, base)
    return configured if found is None else found


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
