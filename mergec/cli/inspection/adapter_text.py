"""An adapter for people at a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mergec.cli.columns import in_columns
from mergec.cli.inspection.amounts import format_number
from mergec.cli.inspection.flat_names import spread
from mergec.cli.name_groups import collapsed, grouped
from mergec.cli.plan_text import counted
from mergec.diagnostics import safe

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mergec.cli.inspection.adapter_facts import AdaptedModule, AdapterFacts

_MOST_FULL = 8


def adapter_lines(facts: AdapterFacts) -> Iterator[str]:
    """Kind, base, settings, targets and the full tensors."""
    kinds = ", ".join(f"{kind} of {counted(count, 'module')}" for kind, count in facts.kinds.items())
    yield f"{kinds or 'no factors'}, dialect {facts.dialect}"
    if facts.base_model is not None:
        yield f"base model: {safe(facts.base_model)}"
    if facts.names:
        yield f"adapters named inside of keys: {', '.join(map(safe, facts.names))}"
    if facts.settings:
        yield "settings: " + ", ".join(f"{key}={safe(value)}" for key, value in facts.settings.items())
    yield from in_columns(target_rows(facts), right={2, 3, 4, 5})
    if facts.full:
        patterns = collapsed(facts.full)
        more = f" and {len(patterns) - _MOST_FULL} more" if len(patterns) > _MOST_FULL else ""
        yield f"full tensors: {', '.join(patterns[:_MOST_FULL])}{more}"


def target_rows(facts: AdapterFacts) -> list[tuple[str, ...]]:
    """The modules that it changes, those that are alike on one line."""

    def alike(module: AdaptedModule) -> tuple[object, ...]:
        return (module.kind, module.rank, module.alpha, module.scale)

    rows: list[tuple[str, ...]] = []
    for group in grouped(facts.modules, lambda module: spread(module.path), alike):
        first = facts.modules[group.members[0]]
        rows.append(
            (
                group.pattern,
                first.kind,
                f"rank {first.rank}" if first.rank is not None else "",
                f"alpha {format_number(first.alpha)}" if first.alpha is not None else "",
                f"scale {format_number(first.scale)}" if first.scale is not None else "",
                counted(len(group.members), "module"),
            )
        )
    return rows
