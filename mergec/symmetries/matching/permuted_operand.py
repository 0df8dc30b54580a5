"""Operands of permuted models: one model's, and the mean of several."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mergec.ir.axis_index import axis_index
from mergec.symmetries.axis_indices import indices
from mergec.symmetries.element import permuted
from mergec.symmetries.matching.operand import rows_at

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from mergec.ir.strided_view import Shape
    from mergec.ir.symmetry import SymmetricTensor, Symmetry
    from mergec.symmetries.matching.operand import Operand

    Array = NDArray[Any]


class MeanOperand:
    """The mean of a tensor over several models, each permuted by its own element."""

    def __init__(
        self,
        symmetry: Symmetry,
        tensor: SymmetricTensor,
        name: int,
        models: Sequence[tuple[Sequence[Operand], NDArray[np.int32]]],
    ) -> None:
        """`name` is the number of the name among the tensor's; the models give the operands of all names."""
        self.symmetry = symmetry
        self.tensor = tensor
        self.name = name
        self.models = models

    @property
    def shape(self) -> Shape:
        """That of the tensor in each model."""
        return self.models[0][0][self.name].shape

    def rows(self, start: int, stop: int) -> Array:
        """The mean of the rows, in float32 or float64."""
        total: Array | None = None
        for operands, vector in self.models:
            own = self._rows(operands, vector, start, stop)
            total = own if total is None else total + own
        assert total is not None
        if len(self.models) > 1:
            total /= len(self.models)
        return total

    def in_memory(self) -> Array | None:
        """It never is."""
        return None

    def _rows(self, operands: Sequence[Operand], vector: NDArray[np.int32], start: int, stop: int) -> Array:
        try:
            return self._in_blocks(operands, vector, start, stop)
        except KeyError:  # an axis depends on one that only the whole tensor has all of
            names = self.tensor.names
            values = {name: own.rows(0, own.shape[0]) for name, own in zip(names, operands, strict=True)}
            one = type(self.symmetry)(self.symmetry.groups, (self.tensor,))
            moved: Array = permuted(one, vector, values)[names[self.name]][start:stop]
            return moved

    def _in_blocks(
        self, operands: Sequence[Operand], vector: NDArray[np.int32], start: int, stop: int
    ) -> Array:
        """The rows where the index of each axis depends at most on that of axis 0."""
        shape = self.tensor.shape
        if self.tensor.is_stacked:
            at = self._coordinates(self.name)
            rows = (
                int(self._index(0, vector, {})[self.name]) * shape[1] + self._index(1, vector, at)[start:stop]
            )
            return self._turned(rows_at(operands, shape[1], rows), vector, at, 2)
        values = rows_at(operands, shape[0], self._index(0, vector, {})[start:stop])
        try:
            return self._turned(values, vector, {}, 1)
        except KeyError:
            each = (
                self._turned(values[i : i + 1], vector, self._coordinates(start + i), 1)
                for i in range(stop - start)
            )
            return np.concatenate(list(each))

    def _turned(self, values: Array, vector: NDArray[np.int32], at: dict[int, int], first: int) -> Array:
        """The columns in order: axis `first` of the tensor is axis 1 of the values."""
        for axis in range(first, len(self.tensor.shape)):
            values = values.take(self._index(axis, vector, at), axis - first + 1)
        return values

    def _index(self, axis: int, vector: NDArray[np.int32], at: dict[int, int]) -> NDArray[np.int64]:
        return indices(axis_index(self.symmetry, self.tensor, axis, at), vector)

    def _coordinates(self, index: int) -> dict[int, int]:
        """The index of each group on axis 0, at an index of it."""
        if len(self.tensor.axes[0]) > 1:
            return {}
        segment = self.tensor.axes[0][0]
        places = np.unravel_index(index, [factor.size for factor in segment])
        return {
            factor.group: int(place)
            for factor, place in zip(segment, places, strict=True)
            if factor.group is not None
        }
