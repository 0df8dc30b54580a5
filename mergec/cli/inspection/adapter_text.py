"""An adapter for people at a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
_FIGURES = ("rank", "alpha", "scale")


def adapter_lines(facts: AdapterFacts) -> Iterator[str]:
    """Kind, base, settings, targets and the full tensors."""
    yield from about_lines(facts)
    rows = [
        (
            pattern,
            kind,
            *(f"{title} {cell}" if cell else "" for title, cell in zip(_FIGURES, cells, strict=True)),
            modules,
        )
        for pattern, kind, *cells, modules in target_rows(facts)
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


def target_rows(facts: AdapterFacts) -> list[tuple[str, ...]]:
    """The modules that it changes, those that are alike on one line: pattern, kind, figures and number."""

    def alike(module: AdaptedModule) -> tuple[object, ...]:
        return (module.kind, module.rank, module.alpha, module.scale)

    rows: list[tuple[str, ...]] = []
    for group in grouped_flat(facts.modules, lambda module: module.path, alike):
        first = facts.modules[group.members[0]]
        rows.append(
            (
                group.pattern,
                first.kind,
                *map(format_number, (first.rank, first.alpha, first.scale)),
                counted(len(group.members), "module"),
            )
        )
    return rows
