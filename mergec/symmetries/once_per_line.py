"""What is said of the lines of a symmetry table, which one model's many tensors would repeat."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mergec.diagnostics import Label

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mergec.diagnostics import Diagnostic, Span


def once_per_line(found: Iterable[Diagnostic], use: Span | None) -> Iterator[Diagnostic]:
    """The diagnostics, each kind once for a line, as a line is about the tensors of all layers.

    `use` is where the recipe names the table; it is marked as well where the table is another text.
    """
    alike: dict[tuple[str, Span | str], list[Diagnostic]] = {}
    for one in found:
        alike.setdefault((one.code, one.span or one.message), []).append(one)
    for first, *others in alike.values():
        note = f"the same is wrong {len(others)} more time{'s' * (len(others) > 1)}"
        yield _with_use(replace(first, notes=(*first.notes, note)) if others else first, use)


def _with_use(diagnostic: Diagnostic, use: Span | None) -> Diagnostic:
    if use is None or diagnostic.span is None:
        return replace(diagnostic, span=diagnostic.span or use)
    if diagnostic.span.source == use.source:
        return diagnostic
    return replace(diagnostic, others=(*diagnostic.others, Label(use, "the table is used here")))
