"""The objective in float64, from the operands: inner products of the anchor with the permuted model."""

from __future__ import annotations

from itertools import product
from math import fsum, sqrt
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from mergec.symmetries.matching.limits import BLOCK_BYTES, SLICE
from mergec.symmetries.matching.part_rows import read, segment_index

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from mergec.ir.symmetry import Symmetry
    from mergec.symmetries.matching.gram import Pair
    from mergec.symmetries.matching.operand import Operand
    from mergec.symmetries.matching.part import Part


class NotFiniteError(Exception):
    """A model holds a value that is not a finite number."""

    def __init__(self, model: int, tensor: str, element: int) -> None:
        """The number of the model, the anchor being 0; the flat index of the first such element."""
        super().__init__(f"{tensor} of model {model} is not finite at element {element}")
        self.model = model
        self.tensor = tensor
        self.element = element


class Size(NamedTuple):
    """Squares of the norms of a part: of the anchor, without what is masked, and of the moving model."""

    anchor: float
    moving: float

    @property
    def norm(self) -> float:
        """The largest that the part's inner product can be."""
        return sqrt(self.anchor) * sqrt(self.moving)


def value(pair: Pair, part: Part) -> float:
    """The inner product of a part of the anchor with that of the moving model, as its vector permutes it."""
    total = 0.0
    row_index = segment_index(pair.symmetry, part.rows, pair.vector, {})
    for rows, columns in _stretches(pair.symmetry, part, pair.vector):
        left = read(part, pair.anchor, rows, is_masked=True)
        right = read(part, pair.moving, row_index[rows])
        if columns is not None:
            right = right.index_select(1, columns)
        total += _dot(left, right)
    return total * part.tensor.weight


def size(part: Part, anchor: Sequence[Operand], moving: Sequence[Operand]) -> Size:
    """The squares of both norms, with the weight of the part's tensor in them."""
    squares = [0.0, 0.0]
    for rows in _blocks(part, np.arange(part.height)):
        for side, operands in enumerate((anchor, moving)):
            values = read(part, operands, rows, is_masked=side == 0)
            squares[side] += _dot(values, values)
    return Size(*(square * part.tensor.weight for square in squares))


def assert_finite(part: Part, operands: Sequence[Operand], model: int) -> None:
    """Name the first value of a part's tensor that is not finite, if there is one.

    Raises:
        NotFiniteError: there is one.
    """
    for name, operand in zip(part.tensor.names, operands[part.operand :], strict=False):
        values = operand.rows(0, operand.shape[0] if operand.shape else 1)
        bad = torch.nonzero(~torch.isfinite(values.reshape(-1)))
        if len(bad):
            raise NotFiniteError(model, name, int(bad[0]))


def _stretches(
    symmetry: Symmetry, part: Part, vector: NDArray[np.int32]
) -> Iterator[tuple[NDArray[np.int64], torch.Tensor | None]]:
    """Blocks of rows for which the columns have one and the same order, and that order."""
    groups = {factor.group: i for i, factor in enumerate(part.rows) if factor.group is not None}
    parents = [
        parent
        for factor in part.columns
        if factor.group is not None
        for parent in symmetry.parents(factor.group)
        if parent in groups
    ]
    held = [(group, groups[group]) for group in dict.fromkeys(parents)]
    sizes = [factor.size for factor in part.rows]
    places = np.arange(part.height, dtype=np.int64).reshape(sizes)
    for at in product(*(range(sizes[axis]) for _, axis in held)):
        chosen = places
        for (_, axis), place in zip(held, at, strict=True):
            chosen = chosen.take([place], axis=axis)
        known = {group: place for (group, _), place in zip(held, at, strict=True)}
        index = segment_index(symmetry, part.columns, vector, known)
        is_still = np.array_equal(index, np.arange(len(index)))
        for rows in _blocks(part, chosen.reshape(-1)):
            yield rows, None if is_still else torch.from_numpy(index)


def _blocks(part: Part, places: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    step = max(1, BLOCK_BYTES // (4 * part.width))
    for start in range(0, len(places), step):
        yield places[start : start + step]


def _dot(left: torch.Tensor, right: torch.Tensor) -> float:
    left, right = left.reshape(-1), right.reshape(-1)
    slices = (slice(start, start + SLICE) for start in range(0, len(left), SLICE))
    return fsum(float(torch.dot(left[some].double(), right[some].double())) for some in slices)
