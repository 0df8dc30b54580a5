"""Which units of a model may be exchanged: groups of permutations, and the tensor axes that they act on.

An element of a symmetry gives every group its permutations, as an int32 array (members, size): one
permutation of `size` for each index of the group's parents, or a single one where it has no parent. All
groups' arrays one after another, row-major, are the element's vector.

A permutation p takes what stood at index p[i] to index i: out[i] = in[p[i]]. The permutations of a family
are numbered by the parents' indices in the output. On a factored axis (k, j) with j in a family of k this
reads out[k, j] = in[p[k], q[k][j]].
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from math import prod
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mergec.ir.strided_view import Shape


class Group(NamedTuple):
    """Permutations of `size` things; of a family, one for each index of `parent`, a group of lower number.

    `name` is unique in a symmetry: `res`, or `model.layers.3/ffn` for a group of a layer. A frozen group
    is never permuted.
    """

    name: str
    size: int
    parent: int | None = None
    is_frozen: bool = False


class Factor(NamedTuple):
    """A factor of an axis: `size` indices that stay where they are, or that a group permutes."""

    size: int
    group: int | None = None


Segment = tuple[Factor, ...]
"""A stretch of an axis: row-major in its factors."""

Axis = tuple[Segment, ...]
"""Stretches one after another."""


class Mask(NamedTuple):
    """Indices of a fixed axis, start <= index < stop, that do not count in matching."""

    axis: int
    start: int
    stop: int


class SymmetricTensor(NamedTuple):
    """A tensor and how the groups act on it.

    Several names are tensors of one shape that a group exchanges, stacked along a new axis 0: `shape` and
    `axes` have that axis too. `weight` is the factor of its term in matching; 0 means permuted, but not
    used for matching. Every parent of a group on an axis stands on that axis before it, in the same
    segment, or on exactly one other axis, as the only segment there.
    """

    names: tuple[str, ...]
    shape: Shape
    axes: tuple[Axis, ...]
    weight: float = 1.0
    masks: tuple[Mask, ...] = ()

    @property
    def is_stacked(self) -> bool:
        """Whether axis 0 runs over several tensors."""
        return len(self.names) > 1

    def groups(self) -> Iterator[int]:
        """The groups that act on it, as often as they do."""
        for axis in self.axes:
            for segment in axis:
                yield from (factor.group for factor in segment if factor.group is not None)


@dataclass(frozen=True)
class Symmetry:
    """The groups of a model and its tensors, in the order of the table. Tensors without a group are left out.

    Parents come before their children.
    """

    groups: tuple[Group, ...]
    tensors: tuple[SymmetricTensor, ...]

    def members(self, group: int) -> int:
        """The number of permutations in a group: the product of its parents' sizes."""
        return prod(self.groups[parent].size for parent in self.parents(group))

    def parents(self, group: int) -> tuple[int, ...]:
        """The parents of a group, outermost first."""
        parent = self.groups[group].parent
        return () if parent is None else (*self.parents(parent), parent)

    @cached_property
    def starts(self) -> tuple[int, ...]:
        """Where each group's array begins in the vector of an element, and the vector's length."""
        sizes = [self.members(number) * group.size for number, group in enumerate(self.groups)]
        return tuple(accumulate(sizes, initial=0))

    @property
    def length(self) -> int:
        """The length of an element's vector."""
        return self.starts[-1]
