"""A plan for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mergec.cli.columns import in_columns
from mergec.cli.name_groups import collapsed
from mergec.cli.plan_matches import match_lines
from mergec.cli.plan_rows import plan_rows
from mergec.cli.plan_tensors import Action
from mergec.cli.reuse.told import reuse_lines, reused_text
from mergec.diagnostics import safe
from mergec.ir.byte_size import format_size
from mergec.ir.primitive import Reproducibility

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mergec.cli.plan_facts import PlanFacts
    from mergec.cli.plan_sources import SourceFacts

_INDENT = "  "
_MOST_PATTERNS = 4
_COMPUTED = (Action.MERGE, Action.CHANGE, Action.PERMUTE, Action.CAST, Action.DEQUANTISE)
_PROMISES = {
    Reproducibility.R0: "equal bytes on any machine",
    Reproducibility.R1: "equal bytes for the same builds of torch and NumPy",
    Reproducibility.R2: "equal within a tolerance",
}


def plan_text(facts: PlanFacts) -> str:
    """The plan, section by section; the last line counts the tensors."""
    return "\n".join(_lines(facts))


def counted(number: int, what: str) -> str:
    """`1 tensor`, `17 tensors`."""
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def _lines(facts: PlanFacts) -> Iterator[str]:
    yield "Sources"
    yield from _source_lines(facts.sources)
    layout = facts.plan.layout
    if facts.matches:
        yield ""
        yield "Permutations"
        yield from match_lines(facts.matches)
    yield ""
    yield "Output"
    files = counted(len(layout.shards), "file")
    tensors = counted(len(layout.tensors), "tensor")
    yield f"{_INDENT}{safe(facts.target)}{_INDENT}{files}, {tensors}, {format_size(layout.nbytes)}"
    yield from _copied_lines(facts)
    if facts.has_something_there:
        yield ""
        yield "Reuse"
        yield from (f"{_INDENT}{line}" for line in reuse_lines(facts.reuse, facts.made))
    yield ""
    yield "Tensors"
    yield from _tensor_lines(facts)
    if facts.remarks:
        yield ""
        yield "Remarks"
        yield from _remark_lines(facts)
    yield ""
    yield from _need_lines(facts)
    yield ""
    computed = facts.count(*_COMPUTED)
    copied, new = facts.count(Action.COPY), facts.count(Action.NEW)
    reused = f"; {reused_text(facts.reuse)}" if facts.has_something_there else ""
    yield f"Plan: {computed:,} computed, {copied:,} copied, {new:,} new{reused}."


def _source_lines(sources: tuple[SourceFacts, ...]) -> Iterator[str]:
    rows = []
    for source in sources:
        of_stored = "" if source.stored == source.tensors else f" from {source.stored:,} stored"
        dtypes = ", ".join(f"{dtype} {count:,}" for dtype, count in source.dtypes.items())
        files = "" if source.files == 1 else f", {source.files:,} files"
        rows.append(
            (
                source.name,
                safe(source.path),
                f"{source.form}{files}",
                f"{counted(source.tensors, 'tensor')}{of_stored}",
                format_size(source.nbytes),
                dtypes,
            )
        )
    for line, source in zip(in_columns(rows, indent=_INDENT), sources, strict=True):
        yield line
        for use in source.rules:
            yield f"{_INDENT * 2}{safe(use.rule)}{_INDENT}{counted(use.count, 'tensor')}"


def _copied_lines(facts: PlanFacts) -> Iterator[str]:
    """The files beside the weights, and the folders that they come from."""
    for folder, files in facts.copied.items():
        yield f"{_INDENT * 2}{', '.join(map(safe, files))} from {safe(folder)}"
    if facts.written:
        yield f"{_INDENT * 2}{', '.join(facts.written)} by mergec"


def _tensor_lines(facts: PlanFacts) -> Iterator[str]:
    rows = []
    for row in plan_rows(facts.shown):
        first = row.tensors[0]
        nbytes = sum(tensor.placed.nbytes for tensor in row.tensors)
        cells = (
            first.action.value,
            row.pattern,
            counted(len(row.tensors), "tensor"),
            first.expression,
            first.dtype_change,
            format_size(nbytes),
        )
        rows.append(cells)
    yield from in_columns(rows, indent=_INDENT, right={2, 5})


def _remark_lines(facts: PlanFacts) -> Iterator[str]:
    for remark in facts.remarks:
        patterns = collapsed(remark.names)
        more = f" and {len(patterns) - _MOST_PATTERNS} more" if len(patterns) > _MOST_PATTERNS else ""
        names = f": {', '.join(patterns[:_MOST_PATTERNS])}{more}" if patterns else ""
        what = ", ".join(map(safe, remark.what.split(", ")))  # a list may be long, its items may not
        yield f"{_INDENT}{remark.model}: {what}{names}"


def _need_lines(facts: PlanFacts) -> Iterator[str]:
    plan, memory = facts.plan, facts.plan.memory
    written = plan.bytes_written
    sizes = [format_size(size) for size in (plan.bytes_read, plan.bytes_copied, written)]
    set_by = f"; the most for one is for {safe(memory.set_by)}" if memory.set_by else ""
    peak, budget = format_size(memory.peak), format_size(memory.budget)
    workers = counted(memory.workers, "worker")
    promise = f"{facts.reproducibility.value}, {_PROMISES[facts.reproducibility]}"
    rows = [
        ("Bytes", f"{sizes[0]} to read, {sizes[1]} of the output copied as they are, {sizes[2]} to write"),
        ("Memory", f"at most {peak} of {budget}, with {workers}{set_by}"),
        ("Result", promise),
    ]
    yield from in_columns(rows)
