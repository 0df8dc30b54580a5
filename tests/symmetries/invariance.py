"""Whether a symmetry leaves a model's function as it is: family by family, and all together."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from mergec.diagnostics import Report
from mergec.symmetries.element import identity, permuted, random_element
from mergec.symmetries.instantiate import instantiate

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from mergec.diagnostics import Diagnostic
    from mergec.ir.symmetry import Symmetry
    from mergec.symmetries.model_shape import ModelShape
    from mergec.symmetries.table_entries import Table
    from tests.symmetries.tables.models import Model

    Tensors = Mapping[str, NDArray[np.generic]]
    Forward = Callable[[Tensors], NDArray[np.floating]]

EVERYTHING = "everything"
LARGEST = {np.dtype(np.float64): 1e-12, np.dtype(np.float32): 2e-6}


class Deviation(NamedTuple):
    """How far a permuted model's output is off, relative to the largest value; and how many tensors moved."""

    output: float
    moved: int


def symmetry_of(
    table: Table, model: ModelShape, *, sizes: Mapping[str, int] | None = None
) -> tuple[Symmetry | None, list[Diagnostic]]:
    """What a table makes of a model, and all that was said about it."""
    report = Report()
    return instantiate(table, model, report, sizes=sizes or {}), list(report.diagnostics)


def families(symmetry: Symmetry) -> dict[str, list[int]]:
    """The groups that may move, by their names without the layer's."""
    found: dict[str, list[int]] = {}
    for number, group in enumerate(symmetry.groups):
        if not group.is_frozen and group.size > 1:
            found.setdefault(group.name.rpartition("/")[2], []).append(number)
    return found


def deviations(symmetry: Symmetry, tensors: Tensors, forward: Forward) -> dict[str, Deviation]:
    """Of each family moved alone, and of `EVERYTHING` moved at once."""
    expected = forward(tensors)
    scale = float(np.abs(expected).max())
    assert np.isfinite(expected).all()
    assert scale > 0
    found: dict[str, Deviation] = {}
    for family, only in {**families(symmetry), EVERYTHING: None}.items():
        moved = permuted(symmetry, _moving_element(symmetry, family, only), tensors)
        difference = np.abs(forward(moved) - expected).max()
        count = sum(not np.array_equal(moved[name], tensors[name]) for name in tensors)
        found[family] = Deviation(float(difference) / scale, count)
    return found


def _moving_element(symmetry: Symmetry, family: str, only: list[int] | None) -> NDArray[np.int32]:
    """A random element that is not the identity, which small groups often draw."""
    still = identity(symmetry)
    for seed in range(20):
        element = random_element(symmetry, zlib.crc32(f"{family} {seed}".encode()), only)
        if not np.array_equal(element, still):
            return element
    raise AssertionError(f"`{family}` does not move")


def assert_unchanged(
    table: Table,
    model: Model,
    expected: Mapping[str, int] | None = None,
    *,
    groups: int | None = None,
    sizes: Mapping[str, int] | None = None,
) -> None:
    """The table covers the model, and none of its families changes the function.

    `expected` is how many groups each family has, `groups` how many there are of all together.
    """
    symmetry, said = symmetry_of(table, model.shape, sizes=sizes)
    assert symmetry is not None, [one.message for one in said]
    counts = {family: len(members) for family, members in families(symmetry).items()}
    assert expected is None or counts == dict(expected), counts
    assert groups is None or sum(counts.values()) == groups, counts
    found = deviations(symmetry, model.tensors, model.forward)
    largest = LARGEST[next(value.dtype for value in model.tensors.values() if value.dtype.kind == "f")]
    off = {family: one for family, one in found.items() if one.output > largest or one.moved < 2}
    assert not off, off
