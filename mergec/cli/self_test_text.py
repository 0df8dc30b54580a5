"""What a self-test of a symmetry found, for people and for machines."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from mergec.cli.columns import in_columns
from mergec.diagnostics import safe

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mergec.symmetries.self_test.report import SymmetryReport

_HEAD = ("family", "groups", "tensors", "deviation", "control")


def self_test_text(report: SymmetryReport) -> str:
    """A line about the model, and one for each family of groups."""
    return "\n".join(_lines(report))


def self_test_document(report: SymmetryReport) -> dict[str, Any]:
    """The same as data. `limit` is null where no function was given, and with it the deviations."""
    return {
        "model": report.model,
        "tensors": report.tensors,
        "limit": report.limit,
        "families": [asdict(family) for family in report.families],
    }


def _lines(report: SymmetryReport) -> Iterator[str]:
    tensors = f"{report.tensors:,} tensor{'s' * (report.tensors != 1)}"
    model = f"`{safe(report.model)}`"
    what = f"{model}: random permutations of {tensors}"
    if report.limit is None:
        yield f"{what} keep the laws of a group; `--forward` compares what is computed, too"
    else:
        yield f"{what}; by rounding, what is computed may deviate by {report.limit:g}"
    rows: list[tuple[str, ...]] = [_HEAD if report.limit is not None else (*_HEAD[:3], "", "")]
    for one in report.families:
        figures = ("" if value is None else f"{value:.1e}" for value in (one.deviation, one.control))
        rows.append((safe(one.family), f"{one.groups:,}", f"{one.moved:,}", *figures))
    yield from in_columns(rows, indent="  ", right={1, 2, 3, 4})
