"""A line of a user's text as a terminal shows it, with the cells that its characters take."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate

from rich.cells import cell_len

LONGEST = 100  # cells; a longer line is shown around its mark only
_TAB = 4
_CUT = "..."


def printable(text: str) -> str:
    """The text with everything that could disturb a terminal escaped, however long it is."""
    return text if text.isprintable() else "".join(map(_shown, text))


@dataclass(frozen=True, slots=True)
class ShownLine:
    """What is printed, and the cell at which each of the line's characters begins in it.

    `edges` has one entry more than the line has characters; those outside of the window lie at its
    nearer end.
    """

    text: str
    edges: tuple[int, ...]
    is_cut: bool

    def cells(self, column: int, end_column: int) -> tuple[int, int]:
        """Where the characters from `column` to before `end_column` (1-based) begin and how far they reach.

        At least one cell, also past the end of the line, where a missing thing would stand.
        """
        last = len(self.edges) - 1
        start = self.edges[min(column - 1, last)]
        end = self.edges[min(end_column - 1, last)]
        return start, max(end - start, 1)


def show_line(line: str, column: int, end_column: int) -> ShownLine:
    """The line, or the part of a long one around the characters from `column` to before `end_column`."""
    pieces = _pieces(line)
    edges = [0, *accumulate(cell_len(piece) for piece in pieces)]
    if edges[-1] <= LONGEST:
        return ShownLine("".join(pieces), tuple(edges), is_cut=False)
    last = len(pieces)
    start, end = edges[min(column - 1, last)], edges[min(end_column - 1, last)]
    room = max(LONGEST - (end - start), 0)
    begin = max(min(start - room // 2, edges[-1] - LONGEST), 0)
    kept = [i for i in range(last) if edges[i] >= begin and edges[i + 1] <= begin + LONGEST]
    first, stop = (kept[0], kept[-1] + 1) if kept else (0, 0)
    left, right = _CUT if first else "", _CUT if stop < last else ""
    moved = (min(max(edge, edges[first]), edges[stop]) - edges[first] + len(left) for edge in edges)
    return ShownLine(f"{left}{''.join(pieces[first:stop])}{right}", tuple(moved), is_cut=True)


def _pieces(line: str) -> list[str]:
    """What each character is printed as: itself, spaces for a tab, an escape for what cannot be seen."""
    pieces: list[str] = []
    cell = 0
    for char in line:
        piece = " " * (_TAB - cell % _TAB) if char == "\t" else _shown(char)
        pieces.append(piece)
        cell += cell_len(piece)
    return pieces


def _shown(char: str) -> str:
    return char if char.isprintable() else char.encode("unicode_escape").decode("ascii")
