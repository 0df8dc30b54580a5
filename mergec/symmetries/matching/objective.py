"""The objective in float64, from the operands: inner products of the anchor with the permuted model."""

from __future__ import annotations

from itertools import product
from math import fsum, sqrt
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from mergec.symmetries.matching.limits import BLOCK_BYTES, SLICE
from mergec.symmetries.matching.part_rows import read, segment_index

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from mergec.ir.symmetry import Symmetry
    from mergec.symmetries.matching.gram import Pair
    from mergec.symmetries.matching.operand import Operand
    from mergec.symmetries.matching.part import Part

    Array = NDArray[Any]


class NotFiniteError(Exception):
    """A model holds a value that is not a finite number."""

    def __init__(self, model: int, tensor: str, element: int) -> None:
        """The number of the model, the anchor being 0; the flat index of the first such element."""
        super().__init__(f"{tensor} of model {model} is not finite at element {element}")
        self.model = model
        self.tensor = tensor
        self.element = element


class Size(NamedTuple):
    """Squares of the norms of a part: of the anchor, without what is masked, and of the moving model.

    `inner` is the inner product of both as they are.
    """

    anchor: float
    moving: float
    inner: float

    @property
    def norm(self) -> float:
        """The largest that the part's inner product can be."""
        return sqrt(self.anchor) * sqrt(self.moving)


def value(pair: Pair, part: Part) -> float:
    """The inner product of a part of the anchor with that of the moving model, as its vector permutes it."""
    total = 0.0
    row_index = segment_index(pair.symmetry, part.rows, pair.vector, {})
    for places, known in _stretches(pair.symmetry, part):
        index = segment_index(pair.symmetry, part.columns, pair.vector, known)
        columns = None if np.array_equal(index, np.arange(len(index))) else index
        for rows in _blocks(part, places):
            left = read(part, pair.anchor, rows, is_masked=True)
            right = read(part, pair.moving, row_index[rows])
            total += _dot(left, right if columns is None else right.take(columns, axis=1))
    return total * part.tensor.weight


def value_since(worth: float, before: NDArray[np.int32], pair: Pair, part: Part) -> float:
    """The value of a part that was worth so much under an earlier vector.

    Where few units have moved since, only they are looked at.
    """
    symmetry = pair.symmetry
    old_rows, new_rows = (segment_index(symmetry, part.rows, vector, {}) for vector in (before, pair.vector))
    changes: list[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]] = []
    for places, known in _stretches(symmetry, part):
        old, new = (segment_index(symmetry, part.columns, vector, known) for vector in (before, pair.vector))
        has_moved = old_rows[places] != new_rows[places]
        columns = np.flatnonzero(old != new)
        changes.append((places[has_moved], np.arange(len(new)), old, new))
        changes.append((places[~has_moved], columns, old[columns], new[columns]))
    if 2 * sum(len(rows) * len(columns) for rows, columns, *_ in changes) > part.height * part.width:
        return value(pair, part)
    total = 0.0
    for places, *chosen in changes:
        own, *columns_of = chosen
        for rows in _blocks(part, places if len(own) else places[:0]):
            left = read(part, pair.anchor, rows, is_masked=True).take(own, axis=1)
            for sign, index, order in zip((-1, 1), (old_rows, new_rows), columns_of, strict=True):
                right = read(part, pair.moving, index[rows])
                total += sign * _dot(left, right.take(order, axis=1))
    return worth + total * part.tensor.weight


def size(part: Part, anchor: Sequence[Operand], moving: Sequence[Operand]) -> Size:
    """The squares of both norms and the inner product, with the weight of the part's tensor in them."""
    total = np.zeros(3)
    for rows in _blocks(part, np.arange(part.height)):
        left = read(part, anchor, rows, is_masked=True).reshape(-1)
        right = read(part, moving, rows).reshape(-1)
        for start in range(0, len(left), SLICE):
            one, other = (side[start : start + SLICE].astype(np.float64) for side in (left, right))
            total += [float(np.dot(*pair)) for pair in ((one, one), (other, other), (one, other))]
    return Size(*(total * part.tensor.weight).tolist())


def assert_finite(part: Part, operands: Sequence[Operand], model: int) -> None:
    """Name the first value of a part's tensor that is not finite, if there is one.

    Raises:
        NotFiniteError: there is one.
    """
    for name, operand in zip(part.tensor.names, operands[part.operand :], strict=False):
        values = operand.rows(0, operand.shape[0] if operand.shape else 1)
        bad = np.flatnonzero(~np.isfinite(values.reshape(-1)))
        if len(bad):
            raise NotFiniteError(model, name, int(bad[0]))


def _stretches(symmetry: Symmetry, part: Part) -> Iterator[tuple[NDArray[np.int64], dict[int, int]]]:
    """Rows for which the columns have one and the same order, and the indices of groups that set it."""
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
        yield chosen.reshape(-1), {group: place for (group, _), place in zip(held, at, strict=True)}


def _blocks(part: Part, places: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    step = max(1, BLOCK_BYTES // (4 * part.width))
    for start in range(0, len(places), step):
        yield places[start : start + step]


def _dot(left: Array, right: Array) -> float:
    left, right = left.reshape(-1), right.reshape(-1)
    total = []
    for start in range(0, len(left), SLICE):
        one, other = (side[start : start + SLICE].astype(np.float64) for side in (left, right))
        total.append(float(np.dot(one, other)))
    return fsum(total)
