"""How the indices of a permuted axis follow from the vector of an element."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mergec.ir.symmetry import Factor, SymmetricTensor, Symmetry


class Ancestor(NamedTuple):
    """A parent of a factor's group, and which index of it: that of a factor of the segment, or `at`."""

    size: int
    factor: int | None
    at: int = 0


class IndexFactor(NamedTuple):
    """A factor of an axis. `start` is where its group's array begins in the vector; None: it stays."""

    size: int
    start: int | None = None
    parents: tuple[Ancestor, ...] = ()


class Block(NamedTuple):
    """One of the stretches of an axis' length that lie one after another: vector[entry] is its number."""

    entry: int


class AxisIndex(NamedTuple):
    """Segments of factors, as in an axis of a symmetric tensor; within a block where there are several."""

    segments: tuple[tuple[IndexFactor, ...], ...]
    block: Block | None = None


def axis_index(symmetry: Symmetry, tensor: SymmetricTensor, axis: int, at: Mapping[int, int]) -> AxisIndex:
    """The index of an axis. `at` gives the output's index of those groups that stand on other axes.

    Raises:
        KeyError: a parent stands neither before its family in the segment nor in `at`.
    """
    return AxisIndex(tuple(_segment(symmetry, segment, at) for segment in tensor.axes[axis]))


def _segment(
    symmetry: Symmetry, segment: tuple[Factor, ...], at: Mapping[int, int]
) -> tuple[IndexFactor, ...]:
    made: list[IndexFactor] = []
    positions: dict[int, int] = {}
    for position, factor in enumerate(segment):
        if factor.group is None or symmetry.groups[factor.group].is_frozen:
            made.append(IndexFactor(factor.size))
        else:
            parents = tuple(
                Ancestor(symmetry.groups[parent].size, positions[parent])
                if parent in positions
                else Ancestor(symmetry.groups[parent].size, None, at[parent])
                for parent in symmetry.parents(factor.group)
            )
            made.append(IndexFactor(factor.size, symmetry.starts[factor.group], parents))
        if factor.group is not None:
            positions[factor.group] = position
    return tuple(made)


def is_fixed(index: AxisIndex) -> bool:
    """Whether every index stays where it is."""
    return index.block is None and all(f.start is None for segment in index.segments for f in segment)


def axis_length(index: AxisIndex) -> int:
    """The number of indices."""
    return sum(prod(factor.size for factor in segment) for segment in index.segments)
