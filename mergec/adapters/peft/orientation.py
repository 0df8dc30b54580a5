"""Which way round the base stores a linear layer: (out, in), or (in, out) as transformers' Conv1D does."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mergec.ir.expression import Tensor

_LEVELS = 3  # how far up to look for layers that tell


def is_transposed(
    weight: str, made: tuple[int, int], base: Mapping[str, Tensor], *, configured: bool
) -> bool | None:
    """Whether a weight is (in, out), where its change is made as (out, in); None where neither fits.

    Shapes decide. A square weight says nothing, and `fan_in_fan_out` is what the last layer that PEFT
    wrapped made of it; so layers beside it that are not square and have a bias, whose length is the
    number of outputs, are asked first.
    """
    shape = base[weight].shape
    if shape not in {made, made[::-1]}:
        return None
    if made[0] != made[1]:
        return shape != made
    parts = weight.split(".")
    for level in range(2, min(2 + _LEVELS, len(parts))):
        beginning = ".".join(parts[:-level]) + "."
        found = _outputs_last(beginning, base)
        if found is not None:
            return found
    return configured


def _outputs_last(beginning: str, base: Mapping[str, Tensor]) -> bool | None:
    """Whether the first layer under this path that can tell has its outputs last."""
    for name in _weights(beginning, base):
        shape = base[name].shape
        bias = base.get(f"{name.removesuffix('weight')}bias")
        if bias is not None and len(shape) == 2 and shape[0] != shape[1] and len(bias.shape) == 1:
            return bias.shape[0] == shape[1]
    return None


def _weights(beginning: str, base: Mapping[str, Tensor]) -> Iterable[str]:
    return (name for name in base if name.startswith(beginning) and name.endswith(".weight"))
