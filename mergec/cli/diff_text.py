"""How two locks or two checkpoints differ, for people at a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mergec.cli.columns import in_columns
from mergec.cli.inspection.flat_names import grouped_flat
from mergec.cli.plan_text import counted
from mergec.diagnostics import safe
from mergec.verification.compare_checkpoints import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from mergec.ir.strided_view import StridedView
    from mergec.sources.checkpoint import Checkpoint
    from mergec.verification.compare_checkpoints import TensorPair
    from mergec.verification.value_difference import ValueDifference

    Sides = tuple[tuple[Path, Checkpoint], tuple[Path, Checkpoint]]

_INDENT = "  "
_SECTIONS = {
    Kind.ONLY_FIRST: "Only in A",
    Kind.ONLY_SECOND: "Only in B",
    Kind.SHAPE: "Of other shapes",
    Kind.DTYPE: "Of other dtypes",
    Kind.VALUES: "Of other values",
}
_MEASURES = ("", "", "", "differ", "max abs", "rel L2", "cosine")
_NUMBERS = range(3, 7)


def locks_text(a: Path, b: Path, found: Mapping[str, Sequence[str]]) -> str:
    """What differs, a line for each thing, by the parts of a lock."""
    if not found:
        return f"{safe(a)} and {safe(b)} say the same"
    lines = [f"A: {safe(a)}", f"B: {safe(b)}"]
    for part, told in found.items():
        lines += ["", part.capitalize(), *(f"{_INDENT}{line}" for line in told)]
    return "\n".join(lines)


def checkpoints_text(sides: Sides, pairs: Sequence[TensorPair]) -> str:
    """What differs; tensors whose names differ in numbers alone share a line, with the worst measures."""
    lines = [
        f"{letter}: {safe(path)}: {counted(len(checkpoint.tensors), 'tensor')}"
        for letter, (path, checkpoint) in zip("AB", sides, strict=True)
    ]
    equal = sum(pair.kind is Kind.EQUAL for pair in pairs)
    lines.append(f"Equal: {equal:,} of {counted(len(pairs), 'tensor')}")
    for kind, title in _SECTIONS.items():
        found = [pair for pair in pairs if pair.kind is kind]
        if found:
            lines += ["", f"{title}: {counted(len(found), 'tensor')}", *_table(found)]
    return "\n".join(lines)


def _table(found: Sequence[TensorPair]) -> Iterator[str]:
    rows = [
        _row(group.pattern, [found[member] for member in group.members])
        for group in grouped_flat(found, lambda pair: pair.name, _alike)
    ]
    has_measures = any(any(row[column] for column in _NUMBERS) for row in rows)
    yield from in_columns([_MEASURES, *rows] if has_measures else rows, indent=_INDENT, right=_NUMBERS)


def _alike(pair: TensorPair) -> tuple[object, ...]:
    return tuple((view.shape, view.dtype) if view is not None else None for view in (pair.first, pair.second))


def _row(pattern: str, pairs: Sequence[TensorPair]) -> tuple[str, ...]:
    first, second = pairs[0].first, pairs[0].second
    size = _change(first, second, lambda view: str(list(view.shape)))
    if len(pairs) > 1:
        size = f"{len(pairs):,} x {size}"
    dtype = _change(first, second, lambda view: view.dtype.recipe_name)
    return (pattern, size, dtype, *_measures([pair.values for pair in pairs if pair.values is not None]))


def _change(first: StridedView | None, second: StridedView | None, text: Callable[[StridedView], str]) -> str:
    shown = dict.fromkeys(text(view) for view in (first, second) if view is not None)
    return " -> ".join(shown)


def _measures(values: Sequence[ValueDifference]) -> tuple[str, str, str, str]:
    """How much of all differs, and the worst of each measure."""
    differing = [one.differing for one in values if one.differing is not None]
    elements = sum(one.elements for one in values)
    share = f"{sum(differing) / elements:.2%}" if differing and elements else ""
    if any(one.not_finite for one in values):
        share += f" ({sum(one.not_finite for one in values):,} not finite)"
    return (
        share,
        _worst(max, (one.max_abs for one in values), ".3g"),
        _worst(max, (one.relative_l2 for one in values), ".3g"),
        _worst(min, (one.cosine for one in values), ".6f"),
    )


def _worst(choose: Callable[[list[float]], float], found: Iterable[float | None], form: str) -> str:
    known = [one for one in found if one is not None]
    return format(choose(known), form) if known else ""
