"""Tensors with their units in another order: the nodes that gather them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from math import prod
from typing import TYPE_CHECKING

from mergec.ir.axis_index import AxisIndex, Block, IndexFactor, axis_index, is_fixed
from mergec.ir.expression import concatenated

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from mergec.ir.expression import Tensor
    from mergec.ir.symmetry import SymmetricTensor, Symmetry


class CannotGather(Exception):  # noqa: N818  # a finding, reported by the caller
    """A tensor's groups stand on its axes in a way that cannot be gathered."""


@dataclass(frozen=True)
class Permuter:
    """Permutes tensors by row `model` of the vectors (models, length) of a symmetry."""

    symmetry: Symmetry
    vectors: Tensor
    model: int

    def permuted(self, values: Sequence[Tensor], tensor: SymmetricTensor) -> list[Tensor]:
        """The tensors of all names, permuted; a value comes back as it is where nothing can move it.

        Raises:
            CannotGather: a family's parents are on another axis, and do not come first there.
        """
        if tensor.is_stacked:
            return self._blocks(concatenated([_with_rows(value) for value in values], 0), tensor)
        outside = {axis: found for axis in range(len(tensor.axes)) if (found := self._outside(tensor, axis))}
        if outside and len(tensor.shape) > 2 and _is_only_parent(tensor, outside.values()):
            # Whole matrices, one for each index of the parent: too large to be the rows that are picked.
            rows = values[0].reshape(prod(tensor.shape[:2]), *tensor.shape[2:])
            blocks = self._blocks(rows, tensor)
            return [concatenated([block.reshape(1, *block.shape) for block in blocks], 0)]
        value = values[0]
        for axis in range(len(tensor.axes)):
            if axis not in outside:
                value = self._along(value, tensor, axis, {})
        for axis, parents in outside.items():
            value = self._by_parents(value, tensor, axis, parents)
        return [value]

    def _along(self, value: Tensor, tensor: SymmetricTensor, axis: int, at: Mapping[int, int]) -> Tensor:
        return self._gathered(value, axis_index(self.symmetry, tensor, axis, at), axis)

    def _gathered(self, value: Tensor, index: AxisIndex, axis: int) -> Tensor:
        if is_fixed(index):
            return value
        return value.gathered(self.vectors.axis_index(self.model, index), axis)

    def _outside(self, tensor: SymmetricTensor, axis: int) -> tuple[int, ...]:
        """The parents of the families on an axis that stand on another one, outermost first."""
        found: dict[int, None] = {}
        for segment in tensor.axes[axis]:
            inside = {factor.group for factor in segment}
            for factor in segment:
                if factor.group is not None and not self.symmetry.groups[factor.group].is_frozen:
                    found.update((p, None) for p in self.symmetry.parents(factor.group) if p not in inside)
        return tuple(sorted(found))  # parents have lower numbers

    def _by_parents(
        self, value: Tensor, tensor: SymmetricTensor, axis: int, parents: tuple[int, ...]
    ) -> Tensor:
        """Each stretch of the parents' axis on its own: in it the members of the family are known."""
        where, stretch = _stretches(tensor, parents)
        parts: list[Tensor] = []
        for start, at in zip(range(0, tensor.shape[where], stretch), self._places(parents), strict=True):
            parts.append(self._along(value.part(where, start, start + stretch), tensor, axis, at))
        return concatenated(parts, where)

    def _places(self, parents: tuple[int, ...]) -> Iterator[dict[int, int]]:
        sizes = (range(self.symmetry.groups[parent].size) for parent in parents)
        return (dict(zip(parents, place, strict=True)) for place in product(*sizes))

    def _blocks(self, rows: Tensor, tensor: SymmetricTensor) -> list[Tensor]:
        """What stands at each index of axis 0; `rows` has that axis joined with the one after it.

        So that no more than rows have to be moved, a block's number and its rows are one index.
        """
        (factor,) = tensor.axes[0][0]
        assert factor.group is not None
        start = self.symmetry.starts[factor.group]
        inner = tensor._replace(names=tensor.names[:1], shape=tensor.shape[1:], axes=tensor.axes[1:])
        made: list[Tensor] = []
        height = tensor.shape[1] if inner.shape else 1
        for number in range(factor.size):
            at = {factor.group: number}
            within = axis_index(self.symmetry, inner, 0, at) if inner.shape else _ONE
            if self.symmetry.groups[factor.group].is_frozen:
                block = self._gathered(rows.part(0, number * height, (number + 1) * height), within, 0)
            else:
                block = self._gathered(rows, within._replace(block=Block(start + number)), 0)
            for axis in range(1, len(inner.shape)):
                block = self._along(block, inner, axis, at)
            made.append(block if inner.shape else block.reshape())
        return made


def _is_only_parent(tensor: SymmetricTensor, outside: Iterable[tuple[int, ...]]) -> bool:
    """Whether axis 0 is one group, which numbers all families that stand on other axes than their parents."""
    segments = tensor.axes[0]
    return len(segments) == len(segments[0]) == 1 and all(p == (segments[0][0].group,) for p in outside)


_ONE = AxisIndex(((IndexFactor(1),),))


def _with_rows(value: Tensor) -> Tensor:
    return value if value.shape else value.reshape(1)


def _stretches(tensor: SymmetricTensor, parents: tuple[int, ...]) -> tuple[int, int]:
    """The axis on which the parents come first, and how many of its indices lie together for each of them.

    Raises:
        CannotGather: there is none.
    """
    for axis, segments in enumerate(tensor.axes):
        leading = tuple(factor.group for factor in segments[0][: len(parents)])
        if len(segments) == 1 and leading == parents:
            return axis, prod(factor.size for factor in segments[0][len(parents) :])
    raise CannotGather("the groups that number a family must come first on their own axis")
