"""An adapter for people at a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mergec.cli.columns import in_columns
from mergec.cli.inspection.amounts import format_number
from mergec.cli.inspection.flat_names import grouped_flat
from mergec.cli.inspection.spelling import spelled
from mergec.cli.name_groups import collapsed
from mergec.cli.plan_text import counted
from mergec.diagnostics import safe

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mergec.cli.inspection.adapter_facts import AdaptedModule, AdapterFacts

_MOST_FULL = 8


class TargetRow(NamedTuple):
    """Modules that are alike; a figure that is not known is empty."""

    pattern: str
    kind: str
    rank: str
    alpha: str
    scale: str
    modules: int


def adapter_lines(facts: AdapterFacts) -> Iterator[str]:
    """Kind, base, settings, targets and the full tensors."""
    yield from about_lines(facts)
    rows = [
        (
            row.pattern,
            row.kind,
            row.rank and f"rank {row.rank}",
            row.alpha and f"alpha {row.alpha}",
            row.scale and f"scale {row.scale}",
            counted(row.modules, "module"),
        )
        for row in target_rows(facts)
    ]
    yield from in_columns(rows, right={2, 3, 4, 5})
    if facts.full:
        patterns = collapsed(facts.full)
        more = f" and {len(patterns) - _MOST_FULL} more" if len(patterns) > _MOST_FULL else ""
        yield f"full tensors: {', '.join(patterns[:_MOST_FULL])}{more}"


def about_lines(facts: AdapterFacts) -> Iterator[str]:
    """The adapter as a whole: kind, base model and settings."""
    kinds = ", ".join(f"{kind} of {counted(count, 'module')}" for kind, count in facts.kinds.items())
    yield f"{kinds or 'no factors'}, dialect {facts.dialect}"
    if facts.base_model is not None:
        yield f"base model: {safe(facts.base_model)}"
    if facts.names:
        yield f"adapters named inside of keys: {', '.join(map(safe, facts.names))}"
    if facts.settings:
        yield "settings: " + ", ".join(
            f"{key}={safe(spelled(value))}" for key, value in facts.settings.items()
        )
    if facts.beside is not None:
        yield f"beside it: {facts.beside}, trained in full; `op: override` lays it over a model"


def target_rows(facts: AdapterFacts) -> list[TargetRow]:
    """The modules that it changes, those that are alike in one row."""

    def alike(module: AdaptedModule) -> tuple[object, ...]:
        return (module.kind, module.rank, module.alpha, module.scale)

    rows = []
    for group in grouped_flat(facts.modules, lambda module: module.path, alike):
        first = facts.modules[group.members[0]]
        rank, alpha, scale = map(format_number, (first.rank, first.alpha, first.scale))
        rows.append(TargetRow(group.pattern, first.kind, rank, alpha, scale, len(group.members)))
    return rows
