"""Which tensors an operation on several models applies to, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from mergec.diagnostics import nearest, safe
from mergec.ir.graph import Remark
from mergec.recipe.pattern import escape
from mergec.steps.errors import MissingTensors

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mergec.ir.model_table import ModelTable
    from mergec.steps.operation import Call

Missing = Literal["error", "skip", "base"]

ADVICE = "line the names up with `rename:` on a source, or say `missing: base` or `missing: skip`"
_SHOWN = 3


def common_names(
    tables: Sequence[ModelTable],
    wanted: Iterable[str],
    missing: Missing,
    call: Call,
    *,
    advice: str = ADVICE,
) -> tuple[list[str], list[str]]:
    """The wanted names that all tables hold, and those to be taken unchanged from the first.

    Names that only some tables hold are an error (MC0306, with `advice` as its help; MC0331 where one is
    an adapter), or follow `missing`, with a remark.
    """
    shared: list[str] = []
    partial: list[str] = []
    for name in wanted:
        if all(name in table.entries for table in tables):
            shared.append(name)
        else:
            partial.append(name)
    if not partial:
        return shared, []
    from mergec.adapters.recognise import adapter_as_model, dialect_of  # only where names do not line up

    adapters = [table.name for table in tables if dialect_of(table.entries, table.facts) is not None]
    if adapters and len(adapters) < len(tables):
        call.report.add(adapter_as_model(adapters[0], f"`{call.name}`", call.span))
        return shared, []
    if missing == "error":
        call.report.add(_missing(tables, partial, call, advice))
        return shared, []
    kept = [name for name in partial if name in tables[0].entries] if missing == "base" else []
    dropped = tuple(name for name in partial if name not in set(kept))
    if kept:
        what = f"not in all inputs, taken from {tables[0].name}"
        call.remarks.append(Remark(call.name, what, tuple(kept)))
    if dropped:
        call.remarks.append(Remark(call.name, "not in all inputs, left out", dropped))
    return shared, kept


def _missing(tables: Sequence[ModelTable], partial: Sequence[str], call: Call, advice: str) -> MissingTensors:
    notes: list[str] = []
    rules: dict[str, str] = {}
    for name in partial[:_SHOWN]:
        holders = [table.name for table in tables if name in table.entries]
        lackers = [table for table in tables if name not in table.entries]
        without = lackers[0]
        strange = nearest(name, (n for n in without.entries if n not in tables[0].entries), count=2)
        rule = rename_rule(strange[0], name) if strange else None
        # Where a rule makes the first of them the name, the second would only distract.
        near = strange[: 1 if rule else 2] or nearest(name, without.entries, count=2)
        similar = f"; `{without.name}` has {_listed(near)}" if near else ""
        others = _listed(table.name for table in lackers)
        notes.append(f"`{safe(name)}` is in {_listed(holders)}, not in {others}{similar}")
        if rule is not None and without is not tables[0]:
            rules.setdefault(without.name, rule)
    more = f", and so are {len(partial) - 1} more" if len(partial) > 1 else ""
    if rules:
        given = (f'give `{model}` the rule `rename: ["{safe(rule)}"]`' for model, rule in rules.items())
        advice = f"{' and '.join(given)} to line the names up"
    return MissingTensors(
        span=call.span,
        model=call.name,
        tensor=partial[0],
        more=more,
        notes=tuple(notes),
        help=advice,
    )


def _listed(names: Iterable[str]) -> str:
    return " and ".join(f"`{safe(name)}`" for name in names)


def rename_rule(found: str, wanted: str) -> str | None:
    """The rename rule that makes `found` of a name into `wanted`, for all names alike, if one does."""
    if found.endswith(f".{wanted}"):
        return f"{escape(found.removesuffix(f'.{wanted}'))}.{{rest:**}} -> {{rest}}"
    if wanted.endswith(f".{found}"):
        return f"{{rest:**}} -> {escape(wanted.removesuffix(f'.{found}'))}.{{rest}}"
    before, after = found.split("."), wanted.split(".")
    differing = [i for i, pair in enumerate(zip(before, after, strict=False)) if pair[0] != pair[1]]
    if len(before) != len(after) or len(differing) != 1 or before[differing[0]].isdigit():
        return None
    at = differing[0]
    begin, end = ("{begin:**}." if at else ""), (".{end:**}" if at + 1 < len(before) else "")
    old, new = f"{begin}{escape(before[at])}{end}", f"{begin}{escape(after[at])}{end}"
    return f"{old} -> {new.replace(':**', '')}"
