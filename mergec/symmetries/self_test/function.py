"""What permutations do to a function of all tensors: nothing, if they are a symmetry of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from mergec.ir.symmetry import Symmetry
from mergec.symmetries.element import permuted
from mergec.symmetries.self_test.moving import families, moving_element
from mergec.symmetries.self_test.report import EVERYTHING, FamilyResult, SymmetryReport
from mergec.symmetries.self_test_errors import FunctionChanged, UselessForward

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from mergec.diagnostics import Diagnostic
    from mergec.ir.symmetry import SymmetricTensor

    Array = NDArray[np.generic]
    Forward = Callable[[Mapping[str, Array]], Sequence[Array]]

EXACT, ROUNDED = 1e-12, 2e-6
"""The largest deviations that rounding explains: in float64, and in float32."""


def check_function(
    symmetry: Symmetry, tensors: Mapping[str, Array], forward: Forward, laws: SymmetryReport, seed: int
) -> SymmetryReport:
    """The report on the laws, with what permutations do to the function.

    It is called twice for the weights as they are, and twice for each family and for all of them
    together: with a permutation of the whole model, and with one of some tensors alone.
    """
    expected = forward(tensors)
    limit = EXACT if all(one.dtype == np.float64 for one in expected) else ROUNDED
    problem = _problem(expected, forward(tensors), limit)
    if problem:
        return _refused(laws, limit, problem)
    known = families(symmetry)
    together = FamilyResult(EVERYTHING, sum(map(len, known.values())), laws.tensors)
    results: list[FamilyResult] = []
    for one in (*laws.families, together):
        groups = known.get(one.family, range(len(symmetry.groups)))
        element = moving_element(symmetry, one.family, seed, groups)
        changed = forward(permuted(symmetry, element, tensors))
        broken = forward(permuted(_control(symmetry, groups), element, tensors))
        deviations = _deviation(changed, expected), _deviation(broken, expected)
        results.append(replace(one, deviation=deviations[0], control=deviations[1]))
    report = replace(laws, families=tuple(results), limit=limit)
    if not (results[-1].control or 0.0) > limit:
        return _refused(report, limit, "it gives the same for other weights")
    return replace(report, problems=(*laws.problems, *_changed(report, limit)))


def _problem(expected: Sequence[Array], again: Sequence[Array], limit: float) -> str:
    if not all(np.isfinite(one).all() for one in expected):
        return "its result is not finite"
    if not any(one.any() for one in expected):
        return "its result is zero"
    if not _deviation(again, expected) <= limit:
        return "it gives something else each time; is the network in evaluation mode?"
    return ""


def _refused(report: SymmetryReport, limit: float, problem: str) -> SymmetryReport:
    found = UselessForward(model=report.model, problem=problem)
    return replace(report, limit=limit, problems=(*report.problems, found))


def _changed(report: SymmetryReport, limit: float) -> Iterator[Diagnostic]:
    """The families at fault; all of them together only where none is by itself."""
    off = [one for one in report.families if one.deviation is not None and not one.deviation <= limit]
    alone = [one for one in off if one.family != EVERYTHING]
    for one in alone or off:
        family = f"`{one.family}`" if alone else "all groups together"
        help_ = f"what the table says of {family} is wrong for this model" if alone else None
        yield FunctionChanged(model=report.model, family=family, deviation=f"{one.deviation:.1e}", help=help_)


def _control(symmetry: Symmetry, groups: Collection[int]) -> Symmetry:
    """Of each group the first tensor alone that is no vector: no network makes up for that."""
    chosen: dict[int, SymmetricTensor] = {}
    for tensor in symmetry.tensors:
        for group in tensor.groups():
            if group in groups and len(tensor.shape) > 1:
                chosen.setdefault(group, tensor)
    return Symmetry(symmetry.groups, tuple(dict.fromkeys(chosen.values())))


def _deviation(found: Sequence[Array], expected: Sequence[Array]) -> float:
    """The largest difference in an output, relative to the output's largest value."""
    if [one.shape for one in found] != [one.shape for one in expected]:
        return float("inf")
    worst = 0.0
    for one, other in zip(found, expected, strict=True):
        if not np.isfinite(one).all():
            return float("inf")
        difference = np.abs(one.astype(np.float64) - other.astype(np.float64)).max(initial=0.0)
        largest = np.abs(other.astype(np.float64)).max(initial=0.0)
        worst = max(worst, float(difference) / (float(largest) or 1.0))
    return worst
