"""Which permutations `mergec align` looks for, and where it writes them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import click

from mergec.diagnostics import did_you_mean, safe
from mergec.ir.plan import GivenVector, MatchTask

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from mergec.ir.matching import MatchUse
    from mergec.ir.plan import Plan

    Row = tuple[int, int]
    """A decision of the plan, and the number of one of its models."""

_NOT_ASKED_FOR = GivenVector(bytes(4))


def with_targets(plan: Plan, model: str | None, out: Path | None) -> Plan:
    """The plan that finds, and writes, the permutations of one model, or of all without a name.

    Raises:
        click.UsageError: there is no such model, or a model's permutations have nowhere to go.
    """
    uses = [
        (number, use)
        for number, one in enumerate(plan.decisions)
        if isinstance(one, MatchTask)
        for use in one.uses
    ]
    chosen = _chosen(uses, model)
    _check_places(uses, chosen, out)
    needed = _needed(plan, {number for number, _ in chosen})

    def targeted(number: int, task: MatchTask) -> MatchTask:
        places = ((out or use.save) if (number, use.row) in chosen else None for use in task.uses)
        return task._replace(
            uses=tuple(use._replace(save=place) for use, place in zip(task.uses, places, strict=True))
        )

    decisions = (
        one
        if not isinstance(one, MatchTask)
        else targeted(number, one)
        if number in needed
        else _NOT_ASKED_FOR
        for number, one in enumerate(plan.decisions)
    )
    return replace(plan, decisions=tuple(decisions))


def _chosen(uses: Collection[tuple[int, MatchUse]], model: str | None) -> set[Row]:
    """By the name of a model before, or after, it is permuted."""
    chosen = {(number, use.row) for number, use in uses if model is None or model in {use.moved, use.made}}
    if not chosen:
        names = dict.fromkeys(use.moved for _, use in uses)
        made = dict.fromkeys(use.made for _, use in uses)
        advice = did_you_mean(str(model), {**names, **made}) or f"there is {_listed(names)}"
        raise click.BadParameter(f"no aligned model `{safe(model)}`: {advice}", param_hint="'--model'")
    return chosen


def _check_places(uses: Collection[tuple[int, MatchUse]], chosen: Collection[Row], out: Path | None) -> None:
    if out is not None:
        if len(chosen) > 1:
            names = _listed(
                list(dict.fromkeys(use.moved for number, use in uses if (number, use.row) in chosen))
            )
            raise click.UsageError(
                f"--out is for the permutations of one model; choose it with --model: {names}"
            )
        return
    saved = {(number, use.row) for number, use in uses if use.save is not None}
    for number, use in uses:
        if (number, use.row) in chosen and (number, use.row) not in saved:
            raise click.UsageError(
                f"where are the permutations of `{safe(use.moved)}` to go? Give --out, or write "
                f"`save_permutations:` where the recipe makes `{safe(use.made)}`"
            )


def _needed(plan: Plan, wanted: Collection[int]) -> set[int]:
    """The decisions that these rest on, themselves included."""
    found: set[int] = set()
    waiting = list(wanted)
    while waiting:
        number = waiting.pop()
        if number in found:
            continue
        found.add(number)
        task = plan.decisions[number]
        if isinstance(task, MatchTask):
            waiting.extend(leaf.decision for leaf in task.leaves if leaf.decision is not None)
    return found


def _listed(names: Collection[str]) -> str:
    return ", ".join(f"`{safe(name)}`" for name in names)
