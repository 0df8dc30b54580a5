"""What the matches of a build found, written to files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mergec.diagnostics import MergecError, safe
from mergec.output.errors import PermutationsNotWritten
from mergec.symmetries.permutation_file import write_permutations

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from mergec.diagnostics import Span
    from mergec.ir.plan import MatchTask
    from mergec.symmetries.matching.solution import Solution


def save_permutations(matches: Sequence[MatchTask], solutions: Sequence[Solution]) -> None:
    """Write the permutations for whose use the recipe names a file.

    Raises:
        MergecError: MC0806.
    """
    for task, solution in zip(matches, solutions, strict=True):
        for use in task.uses:
            if use.save is not None:
                write_row(use.save, task, solution, use.row, use.span)


def write_row(path: Path, task: MatchTask, solution: Solution, row: int, span: Span | None = None) -> None:
    """Write the permutations of one model of a match.

    Raises:
        MergecError: MC0806.
    """
    use = next(use for use in task.uses if use.row == row)
    found = solution.models[row]
    about = {
        "anchor": use.anchor,
        "model": use.moved,
        "objective": {"identity": found.identity, "by sweep": found.sweeps},
        "seed": task.matching.seed,
    }
    try:
        write_permutations(path, task.matching.symmetry, solution.elements[row], about)
    except OSError as error:
        problem = error.strerror or str(error)
        raise MergecError(
            [PermutationsNotWritten(span=span, path=safe(path), problem=problem)]
        ) from None
