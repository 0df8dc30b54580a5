"""Which tensors an operation on several models applies to, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from mergec.diagnostics import nearest, safe
from mergec.ir.graph import Remark
from mergec.steps.errors import MissingTensors

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mergec.ir.model_table import ModelTable
    from mergec.steps.operation import Call

Missing = Literal["error", "skip", "base"]
_SHOWN = 3


def common_names(
    tables: Sequence[ModelTable],
    wanted: Iterable[str],
    missing: Missing,
    call: Call,
    *,
    advice: str = "line the names up with `rename:` on a source, or say `missing: base` or `missing: skip`",
) -> tuple[list[str], list[str]]:
    """The wanted names that all tables hold, and those to be taken unchanged from the first.

    Names that only some tables hold are an error (MC0306, with `advice` as its help), or follow
    `missing`, with a remark.
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
    for name in partial[:_SHOWN]:
        holders = [table.name for table in tables if name in table.entries]
        lackers = [table for table in tables if name not in table.entries]
        notes.append(
            f"`{safe(name)}` is in {', '.join(holders)}, not in {', '.join(t.name for t in lackers)}"
        )
        near = nearest(name, (n for n in lackers[0].entries if n not in tables[0].entries), count=2)
        near = near or nearest(name, lackers[0].entries, count=2)
        if near:
            similar = " and ".join(f"`{safe(n)}`" for n in near)
            notes.append(f"  `{lackers[0].name}` has the similar {similar}")
    more = f", and so are {len(partial) - 1} more" if len(partial) > 1 else ""
    return MissingTensors(
        span=call.span,
        model=call.name,
        tensor=partial[0],
        more=more,
        notes=tuple(notes),
        help=advice,
    )
