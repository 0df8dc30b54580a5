"""The decisions that a part of a plan rests on; all others are left out."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from typing import TYPE_CHECKING

from mergec.ir.plan import GivenVector, MatchTask
from mergec.symmetries.permutation_file import UnfitPermutations, read_permutations

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mergec.ir.plan import Plan
    from mergec.ir.program import LoadedLeaf
    from mergec.lock.lock_model import FoundPermutations

_NOT_NEEDED = GivenVector(bytes(4))


def with_needed_decisions(plan: Plan, found: Mapping[str, FoundPermutations]) -> Plan:
    """The plan with only the decisions that its regions rest on.

    `found` tells what a build found for aligned models. Where the file that the recipe saves permutations to
    holds just that, nothing is looked for again.
    """
    needed = _needed(plan)
    if not needed:
        return replace(plan, decisions=())
    decisions = (
        _NOT_NEEDED
        if number not in needed
        else _given(one, found) or one
        if isinstance(one, MatchTask)
        else one
        for number, one in enumerate(plan.decisions)
    )
    return replace(plan, decisions=tuple(decisions))


def _needed(plan: Plan) -> set[int]:
    found: set[int] = set()
    waiting = list(_decisions_of(leaf for region in plan.regions for leaf in region.all_leaves))
    while waiting:
        number = waiting.pop()
        if number not in found:
            found.add(number)
            task = plan.decisions[number]
            if not isinstance(task, GivenVector):
                waiting.extend(_decisions_of(task.leaves))
    return found


def _decisions_of(leaves: Iterable[LoadedLeaf]) -> Iterable[int]:
    return (leaf.decision for leaf in leaves if leaf.decision is not None)


def _given(task: MatchTask, found: Mapping[str, FoundPermutations]) -> GivenVector | None:
    """What a match of one model found when the output was built, if a file still holds it."""
    if task.matching.models != 1:
        return None
    for use in task.uses:
        if use.save is None or use.made not in found:
            continue
        try:
            vector = read_permutations(use.save, task.matching.symmetry).astype("<i4").tobytes()
        except UnfitPermutations:
            continue
        if sha256(vector).hexdigest() == found[use.made].permutations:
            return GivenVector(vector)
    return None
