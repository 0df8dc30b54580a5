"""What a self-test found, as data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mergec.diagnostics import Diagnostic

EVERYTHING = "everything"


@dataclass(frozen=True, slots=True)
class FamilyResult:
    """What came of permuting the groups of one name, in all layers; or all groups: `EVERYTHING`.

    `moved` counts the tensors that changed. `deviation` is how far the outputs of the function went away,
    relative to their largest value, and `control` how far where only one tensor of each group was
    permuted: if that is nothing, the function does not see these units at all.
    """

    family: str
    groups: int
    moved: int
    deviation: float | None = None
    control: float | None = None


@dataclass(frozen=True, slots=True)
class SymmetryReport:
    """What a self-test found. It passed if there are no `problems`.

    `tensors` is the number of tensors that were permuted, `limit` the largest deviation that rounding
    explains; None where there was no function to compare.
    """

    model: str
    tensors: int
    families: tuple[FamilyResult, ...]
    limit: float | None = None
    problems: tuple[Diagnostic, ...] = ()
