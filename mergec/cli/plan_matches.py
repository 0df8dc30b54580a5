"""The permutations of a plan: what is matched to what, or read from where."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mergec.cli.columns import in_columns
from mergec.cli.group_patterns import GroupPattern, group_patterns
from mergec.diagnostics import safe
from mergec.ir.byte_size import format_size

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mergec.ir.graph import CheckedGraph
    from mergec.ir.plan import MatchTask, Plan
    from mergec.ir.symmetry import Symmetry

_INDENT = "  "


@dataclass(frozen=True, slots=True)
class MatchFacts:
    """Permutations of one or more models, which bring them into the order of `anchor`.

    `groups` are those that may move, and `frozen` counts the others. `task` is the match that looks for
    them; without one, they are read from the file `given`.
    """

    models: tuple[str, ...]
    anchor: str
    groups: tuple[GroupPattern, ...]
    frozen: int
    task: MatchTask | None = None
    given: str | None = None

    @property
    def compared(self) -> int:
        """The bytes of all tensors that are compared; every sweep reads them."""
        return sum(leaf.read_bytes for leaf in self.task.leaves) if self.task is not None else 0


def match_facts(checked: CheckedGraph, plan: Plan) -> list[MatchFacts]:
    """What a plan matches, in order, and then what it takes from files."""
    sought = [
        MatchFacts(task.uses[0].together, task.uses[0].anchor, *_groups(task.matching.symmetry), task=task)
        for task in plan.matches
    ]
    given = [
        MatchFacts((one.model.name,), one.anchor, *_groups(one.symmetry), given=one.given)
        for one in checked.aligned
        if one.given is not None
    ]
    return [*sought, *given]


def _groups(symmetry: Symmetry) -> tuple[tuple[GroupPattern, ...], int]:
    moving = [number for number, group in enumerate(symmetry.groups) if not group.is_frozen]
    return tuple(group_patterns(symmetry, moving)), len(symmetry.groups) - len(moving)


def match_lines(facts: Iterable[MatchFacts]) -> Iterator[str]:
    """For people: a line for each, and one for each kind of group."""
    for one in facts:
        models = ", ".join(map(safe, one.models))
        yield f"{_INDENT}{models} to {safe(one.anchor)}{_INDENT}{_how(one)}"
        rows = [(group.pattern, _count(len(group.groups)), f"of {group.each}") for group in one.groups]
        yield from in_columns(rows, indent=_INDENT * 2, right={1})
        if one.frozen:
            yield f"{_INDENT * 2}and {one.frozen:,} that are frozen"


def _how(one: MatchFacts) -> str:
    groups = _count(sum(len(group.groups) for group in one.groups))
    if one.task is None:
        return f"{groups}, permutations from {safe(one.given)}"
    workers = f"{one.task.workers} worker{'s' * (one.task.workers != 1)}"
    refined = ", then each to the mean of the others" if one.task.matching.refine else ""
    sizes = f"{format_size(one.compared)} to compare, at most {format_size(one.task.nbytes)} of memory"
    return f"{groups}{refined}; {sizes}, {workers}"


def _count(groups: int) -> str:
    return f"{groups:,} group{'s' * (groups != 1)}"


def match_document(one: MatchFacts) -> dict[str, Any]:
    """For machines. `given` is null where the permutations are looked for, and `task` where they are not."""
    task = one.task
    return {
        "models": list(one.models),
        "anchor": one.anchor,
        "groups": [
            {
                "pattern": group.pattern,
                "groups": len(group.groups),
                "size": group.size,
                "members": group.members,
            }
            for group in one.groups
        ],
        "frozen": one.frozen,
        "given": one.given,
        "task": None
        if task is None
        else {
            "bytes": one.compared,
            "memory": task.nbytes,
            "workers": task.workers,
            "refine": task.matching.refine,
            "seed": task.matching.seed,
            "max_sweeps": task.matching.max_sweeps,
            "saved": sorted({str(use.save) for use in task.uses if use.save is not None}),
        },
    }
