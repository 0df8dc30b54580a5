"""A network of three layers in numpy, and the symmetry that it has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mergec.ir.symmetry import Factor, Group, SymmetricTensor, Symmetry

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Array = NDArray[Any]

FIRST, SECOND = range(2)
SIZES = (5, 6)
LAYERS = (0, 2, 4)


def _tensor(name: str, *groups: int | None, sizes: tuple[int, ...]) -> SymmetricTensor:
    axes = tuple(((Factor(size, group),),) for group, size in zip(groups, sizes, strict=True))
    return SymmetricTensor((name,), sizes, axes)


GROUPS = (Group("0/units", 5), Group("2/units", 6))
RIGHT = Symmetry(
    GROUPS,
    (
        _tensor("0.weight", FIRST, None, sizes=(5, 3)),
        _tensor("0.bias", FIRST, sizes=(5,)),
        _tensor("2.weight", SECOND, FIRST, sizes=(6, 5)),
        _tensor("2.bias", SECOND, sizes=(6,)),
        _tensor("4.weight", None, SECOND, sizes=(2, 6)),
    ),
)


def without(symmetry: Symmetry, *names: str) -> Symmetry:
    """A table that forgets some tensors."""
    return Symmetry(
        symmetry.groups, tuple(tensor for tensor in symmetry.tensors if tensor.names[0] not in names)
    )


def renamed(*groups: str) -> Symmetry:
    """The right symmetry with its groups under other names."""
    return Symmetry(
        tuple(group._replace(name=name) for group, name in zip(GROUPS, groups, strict=True)), RIGHT.tensors
    )


def weights(dtype: str = "float64") -> dict[str, Array]:
    draw = np.random.default_rng(0)
    shapes = {tensor.names[0]: tensor.shape for tensor in RIGHT.tensors} | {"4.bias": (2,)}
    return {name: draw.standard_normal(shape).astype(dtype) for name, shape in shapes.items()}


def network(tensors: Mapping[str, Array]) -> list[Array]:
    x = np.random.default_rng(1).standard_normal((7, 3)).astype(tensors["0.weight"].dtype)
    for layer in LAYERS:
        x = (np.maximum(x, 0) if layer else x) @ tensors[f"{layer}.weight"].T + tensors[f"{layer}.bias"]
    return [x]
