"""Tensors with groups and sizes -> the types that alignment works with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mergec.ir.symmetry import Factor, Group, SymmetricTensor, Symmetry

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from mergec.symmetries.placed import PlacedFactor, PlacedGroups, PlacedTensor, Symbol


def as_symmetry(groups: PlacedGroups, frozen: Collection[Symbol]) -> Symmetry:
    """The symmetry; the groups in `frozen` stay as they are."""
    numbers = {group: number for number, group in enumerate(groups.parents)}
    made = tuple(
        Group(
            str(group),
            groups.sizes[group],
            None if parent is None else numbers[parent],
            is_frozen=group in frozen,
        )
        for group, parent in groups.parents.items()
    )
    tensors = (_symmetric(tensor, groups.sizes, numbers) for tensor in groups.tensors)
    return Symmetry(made, tuple(tensor for tensor in tensors if any(True for _ in tensor.groups())))


def _symmetric(
    tensor: PlacedTensor, sizes: Mapping[Symbol, int], numbers: Mapping[Symbol, int]
) -> SymmetricTensor:
    def factor(placed: PlacedFactor) -> Factor:
        if placed.symbol is None:
            return Factor(placed.size)
        return Factor(sizes[placed.symbol], numbers[placed.symbol] if placed.is_group else None)

    axes = tuple(tuple(tuple(map(factor, segment)) for segment in axis) for axis in tensor.axes)
    return SymmetricTensor(tensor.names, tensor.shape, axes, 1.0 if tensor.is_matched else 0.0)
