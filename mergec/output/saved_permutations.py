"""What the matches of a build found, written to files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mergec.diagnostics import MergecError, safe
from mergec.output.errors import PermutationsNotWritten
from mergec.output.ownership import check_target

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    from mergec.diagnostics import Report
    from mergec.ir.matching import MatchUse
    from mergec.ir.plan import MatchTask
    from mergec.symmetries.matching.solution import Solution


def check_saves(
    matches: Sequence[MatchTask],
    inputs: Collection[Path],
    *,
    force: bool,
    report: Report,
    output: Path | None = None,
) -> None:
    """Report what would stop permutations from being written, or be harmed: before hours of matching.

    `output` is where a checkpoint is written as well. Reports MC0801, MC0802 and MC0806.
    """
    made = None if output is None else _resolved(output)
    rows: dict[Path, tuple[int, int]] = {}
    for number, task in enumerate(matches):
        for use in task.uses:
            if use.save is None:
                continue
            check_target(use.save, inputs, force=force, report=report)
            if (place := _resolved(use.save)) is None:
                continue  # that was told
            if rows.setdefault(place, (number, use.row)) != (number, use.row):
                report.add(_not_written(use, "those of two models would go there"))
            if made is not None and made in (place, *place.parents):
                report.add(_not_written(use, "the output is written there"))
            elif place.is_dir():
                report.add(_not_written(use, "it is a folder"))
            elif not place.parent.is_dir():
                report.add(_not_written(use, f"there is no folder `{safe(use.save.parent)}`"))


def _resolved(path: Path) -> Path | None:
    """What a path leads to; None where links lead in a circle."""
    try:
        return path.resolve()
    except (OSError, RuntimeError):  # RuntimeError: before Python 3.13
        return None


def save_permutations(matches: Sequence[MatchTask], solutions: Sequence[Solution]) -> None:
    """Write the permutations for whose use the recipe names a file.

    Raises:
        MergecError: MC0806.
    """
    for task, solution in zip(matches, solutions, strict=True):
        for use in task.uses:
            if use.save is not None:
                _write(use.save, task, solution, use)


def _write(path: Path, task: MatchTask, solution: Solution, use: MatchUse) -> None:
    from mergec.symmetries.permutation_file import write_permutations  # numpy, which copies need none of

    found = solution.models[use.row]
    about = {
        "anchor": use.anchor,
        "model": use.moved,
        "objective": {"identity": found.identity, "by sweep": found.sweeps},
        "seed": task.matching.seed,
    }
    try:
        write_permutations(path, task.matching.symmetry, solution.elements[use.row], about)
    except OSError as error:
        raise MergecError([_not_written(use, error.strerror or str(error))]) from None


def _not_written(use: MatchUse, problem: str) -> PermutationsNotWritten:
    return PermutationsNotWritten(span=use.span, path=safe(use.save), problem=problem)
