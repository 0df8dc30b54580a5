"""Whether a symmetry leaves a model's function as it is: family by family, and all together."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from mergec.diagnostics import Report
from mergec.symmetries.element import permuted
from mergec.symmetries.instantiate import instantiate
from mergec.symmetries.self_test.moving import families, moving_element

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


def deviations(symmetry: Symmetry, tensors: Tensors, forward: Forward) -> dict[str, Deviation]:
    """Of each family moved alone, and of `EVERYTHING` moved at once."""
    expected = forward(tensors)
    scale = float(np.abs(expected).max())
    assert np.isfinite(expected).all()
    assert scale > 0
    found: dict[str, Deviation] = {}
    for family, only in {**families(symmetry), EVERYTHING: None}.items():
        moved = permuted(symmetry, moving_element(symmetry, family, 0, only), tensors)
        difference = np.abs(forward(moved) - expected).max()
        count = sum(not np.array_equal(moved[name], tensors[name]) for name in tensors)
        found[family] = Deviation(float(difference) / scale, count)
    return found


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
