"""Elements of a symmetry: the group's laws, and how an element acts on tensors in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mergec.ir.axis_index import axis_index
from mergec.symmetries.axis_indices import indices

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from numpy.typing import NDArray

    from mergec.ir.symmetry import SymmetricTensor, Symmetry


def identity(symmetry: Symmetry) -> NDArray[np.int32]:
    """The element that moves nothing."""
    vector = np.empty(symmetry.length, np.int32)
    for number, group in enumerate(symmetry.groups):
        rows_of(symmetry, vector, number)[:] = np.arange(group.size)
    return vector


def random_element(symmetry: Symmetry, seed: int, only: Collection[int] | None = None) -> NDArray[np.int32]:
    """An element drawn evenly; frozen groups, and those not in `only` if that is given, keep the identity.

    What a group gets does not depend on which others are drawn.
    """
    vector = identity(symmetry)
    for number, group in enumerate(symmetry.groups):
        if not group.is_frozen and (only is None or number in only):
            rows = rows_of(symmetry, vector, number)
            raw = np.random.Philox(np.random.SeedSequence([seed, number])).random_raw(rows.size)
            rows[:] = np.argsort(raw.reshape(rows.shape), axis=1, kind="stable")
    return vector


def compose(symmetry: Symmetry, g: NDArray[np.int32], h: NDArray[np.int32]) -> NDArray[np.int32]:
    """The element that acts as g and then h do."""
    vector = np.empty(symmetry.length, np.int32)
    for number in range(len(symmetry.groups)):
        first, second = rows_of(symmetry, g, number), rows_of(symmetry, h, number)
        members = _members(symmetry, h, number)
        rows_of(symmetry, vector, number)[:] = np.take_along_axis(first[members], second, axis=1)
    return vector


def inverse(symmetry: Symmetry, g: NDArray[np.int32]) -> NDArray[np.int32]:
    """The element that undoes g."""
    vector = np.empty(symmetry.length, np.int32)
    for number in range(len(symmetry.groups)):  # parents come first, so that theirs are already inverted
        members = _members(symmetry, vector, number)
        rows = np.argsort(rows_of(symmetry, g, number)[members], axis=1)
        rows_of(symmetry, vector, number)[:] = rows
    return vector


def is_element(symmetry: Symmetry, vector: NDArray[np.int32]) -> bool:
    """Whether it is a vector of permutations, of which those of frozen groups are the identity."""
    if vector.shape != (symmetry.length,) or not np.issubdtype(vector.dtype, np.integer):
        return False
    for number, group in enumerate(symmetry.groups):
        rows = rows_of(symmetry, vector, number)
        if not np.array_equal(
            rows if group.is_frozen else np.sort(rows, axis=1),
            np.broadcast_to(np.arange(group.size), rows.shape),
        ):
            return False
    return True


def permuted(
    symmetry: Symmetry, element: NDArray[np.int32], tensors: Mapping[str, NDArray[np.generic]]
) -> dict[str, NDArray[np.generic]]:
    """All tensors, under their names, as the element leaves them: elements are moved, never computed with."""
    out = dict(tensors)
    for tensor in symmetry.tensors:
        values = np.stack([tensors[name] for name in tensor.names]) if tensor.is_stacked else None
        moved = _moved(symmetry, element, tensor, tensors[tensor.names[0]] if values is None else values)
        out.update(zip(tensor.names, moved if tensor.is_stacked else [moved], strict=True))
    return out


def rows_of(symmetry: Symmetry, vector: NDArray[np.int32], group: int) -> NDArray[np.int32]:
    """A group's permutations in the vector of an element: a view (members, size)."""
    start, stop = symmetry.starts[group : group + 2]
    return vector[start:stop].reshape(-1, symmetry.groups[group].size)


def _members(symmetry: Symmetry, vector: NDArray[np.int32], group: int) -> NDArray[np.int64]:
    """From where an element takes each member of a family: the number of the member in the input."""
    members = np.zeros(1, np.int64)
    for parent in symmetry.parents(group):
        size = symmetry.groups[parent].size
        members = (members[:, None] * size + rows_of(symmetry, vector, parent)).reshape(-1)
    return members


def _moved(
    symmetry: Symmetry, element: NDArray[np.int32], tensor: SymmetricTensor, values: NDArray[np.generic]
) -> NDArray[np.generic]:
    """One tensor: first the axes that depend on no other one, then at once those that do."""
    outside = [list(_outside(symmetry, tensor, axis)) for axis in range(len(tensor.axes))]
    for axis, parents in enumerate(outside):
        if not parents:
            index = indices(axis_index(symmetry, tensor, axis, {}), element)
            values = np.take(values, index, axis)
    if not any(outside):
        return values
    mesh = np.meshgrid(*(np.arange(size) for size in tensor.shape), indexing="ij", sparse=True)
    places = list(mesh)
    for axis, parents in enumerate(outside):
        if parents:
            places[axis] = _dependent(symmetry, element, tensor, axis, parents)
    return values[tuple(places)]


def _outside(symmetry: Symmetry, tensor: SymmetricTensor, axis: int) -> Iterator[int]:
    """The parents of groups on an axis that stand on another axis, each once."""
    seen = set()
    for segment in tensor.axes[axis]:
        inside = {factor.group for factor in segment}
        for factor in segment:
            for parent in symmetry.parents(factor.group) if factor.group is not None else ():
                if parent not in inside and parent not in seen:
                    seen.add(parent)
                    yield parent


def _dependent(
    symmetry: Symmetry,
    element: NDArray[np.int32],
    tensor: SymmetricTensor,
    axis: int,
    parents: list[int],
) -> NDArray[np.int64]:
    """The index of an axis for every place on the axes of its parents, broadcast against the tensor."""
    sizes = [symmetry.groups[parent].size for parent in parents]
    table = np.empty((*sizes, tensor.shape[axis]), np.int64)
    for at in np.ndindex(*sizes):
        table[at] = indices(axis_index(symmetry, tensor, axis, dict(zip(parents, at, strict=True))), element)
    own = np.arange(tensor.shape[axis]).reshape(_along(tensor, axis))
    index: NDArray[np.int64] = table[(*_places(tensor, parents), own)]
    return index


def _places(tensor: SymmetricTensor, parents: list[int]) -> Iterator[NDArray[np.int64]]:
    """Of each group, its index at each place of the axis that it stands on."""
    for parent in parents:
        for axis, segments in enumerate(tensor.axes):
            factors = [factor.group for factor in segments[0]]
            if parent in factors:
                sizes = [factor.size for factor in segments[0]]
                place = np.unravel_index(np.arange(tensor.shape[axis]), sizes)[factors.index(parent)]
                yield place.reshape(_along(tensor, axis))
                break
        else:
            raise KeyError(parent)


def _along(tensor: SymmetricTensor, axis: int) -> tuple[int, ...]:
    return tuple(-1 if axis == other else 1 for other in range(len(tensor.axes)))
