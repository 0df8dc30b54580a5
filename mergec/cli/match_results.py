"""What matches have found, for people and for machines: what it gains over leaving all as it is."""

from __future__ import annotations

from dataclasses import dataclass
from math import fsum
from typing import TYPE_CHECKING, Any

from mergec.cli.columns import in_columns
from mergec.cli.group_patterns import group_patterns
from mergec.diagnostics import safe

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Sequence

    from mergec.cli.group_patterns import GroupPattern
    from mergec.ir.plan import MatchTask
    from mergec.ir.symmetry import Symmetry
    from mergec.symmetries.matching.solution import GroupGain, ModelMatch, Solution

_INDENT = "  "
_MOSTLY = 0.9


@dataclass(frozen=True, slots=True)
class MatchResult:
    """What was found for one model: `model` is to be in the order of `anchor`.

    `saved` are the files that the permutations were written to, and `is_known` says that an earlier build
    had found them.
    """

    model: str
    anchor: str
    symmetry: Symmetry
    found: ModelMatch
    saved: tuple[str, ...]
    is_known: bool = False


def match_results(
    matches: Sequence[MatchTask], solutions: Sequence[Solution], known: Container[int] = ()
) -> list[MatchResult]:
    """The results in the order of the plan; a model that is matched for several uses once.

    `known` are the numbers of matches that an earlier build had solved.
    """
    results: list[MatchResult] = []
    for number, (task, solution) in enumerate(zip(matches, solutions, strict=True)):
        anchor, symmetry = task.uses[0].anchor, task.matching.symmetry
        for row, model in enumerate(task.uses[0].together):
            saved = {str(use.save) for use in task.uses if use.row == row and use.save is not None}
            found, files = solution.models[row], tuple(sorted(saved))
            results.append(MatchResult(model, anchor, symmetry, found, files, number in known))
    return results


def result_lines(results: Sequence[MatchResult]) -> Iterator[str]:
    """For people: a line for each model, one for each kind of group, and a sentence where little moves."""
    for one in results:
        yield _head(one)
        gains = {gain.group: gain for gain in one.found.gains}
        rows = [_row(pattern, gains) for pattern in group_patterns(one.symmetry, list(gains))]
        yield from in_columns(rows, indent=_INDENT, right={1})
        kept = sum(gain.is_identity for gain in one.found.gains)
        if kept >= _MOSTLY * len(gains):
            alike = f"`{safe(one.model)}` and `{safe(one.anchor)}` are in the same order already"
            best = f"the identity was already best for {kept:,} of {_groups(len(gains))}"
            yield f"{_INDENT}{best}: {alike}, as fine-tunes of one model are"


def _head(one: MatchResult) -> str:
    found = one.found
    sweeps = max(len(found.sweeps) - 1, 0)
    told = f"in {sweeps} sweep{'s' * (sweeps != 1)}"
    if one.is_known:
        told += ", known from an earlier build"
    similarity = " -> ".join(
        f"{_part(value, found.norm):z.3f}" for value in (found.identity, found.objective)
    )
    return f"{safe(one.model)} to {safe(one.anchor)}: similarity {similarity} {told}"


def _row(pattern: GroupPattern, gains: dict[int, GroupGain]) -> tuple[str, ...]:
    of = [gains[group] for group in pattern.groups]
    kept = sum(gain.is_identity for gain in of)
    identity, found, norm = (fsum(values) for values in zip(*(gain[1:4] for gain in of), strict=True))
    before, after = _part(identity, norm), _part(found, norm)
    return (
        pattern.pattern,
        _groups(len(of)),
        f"gain {after - before:z.3f}",
        f"{before:z.3f} -> {after:z.3f}",
        f"identity kept in {kept:,}" if kept else "",
    )


def _part(value: float, norm: float) -> float:
    """An objective as a part of what it could be at most: a cosine."""
    return value / norm if norm else 0.0


def _groups(count: int) -> str:
    return f"{count:,} group{'s' * (count != 1)}"


def result_document(one: MatchResult) -> dict[str, Any]:
    """For machines. Objectives are inner products with the anchor, and `norm` is the largest possible."""
    groups = one.symmetry.groups
    return {
        "model": one.model,
        "anchor": one.anchor,
        "identity": one.found.identity,
        "objective": one.found.objective,
        "norm": one.found.norm,
        "sweeps": list(one.found.sweeps),
        "known": one.is_known,
        "groups": [
            {
                "group": groups[gain.group].name,
                "size": groups[gain.group].size,
                "members": one.symmetry.members(gain.group),
                "identity": gain.identity,
                "objective": gain.found,
                "norm": gain.norm,
                "kept_identity": gain.is_identity,
            }
            for gain in one.found.gains
        ],
        "saved": list(one.saved),
    }
