"""Rows of text in columns that line up."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

_GAP = "  "


def in_columns(
    rows: Sequence[Sequence[str]], *, indent: str = "", right: Collection[int] = ()
) -> Iterator[str]:
    """One line per row; the columns whose numbers are in `right` end together, others begin together.

    Columns that are empty in all rows are left out.
    """
    used = [c for c in range(max(map(len, rows), default=0)) if any(row[c] for row in rows)]
    widths = {c: max(_width(row[c]) for row in rows) for c in used}
    for row in rows:
        cells = []
        for column in used:
            blank = " " * (widths[column] - _width(row[column]))
            cells.append(blank + row[column] if column in right else row[column] + blank)
        yield (indent + _GAP.join(cells)).rstrip()


def _width(text: str) -> int:
    if text.isascii():
        return len(text)
    from rich.cells import cell_len  # slow to import, and most names are plain

    return cell_len(text)
