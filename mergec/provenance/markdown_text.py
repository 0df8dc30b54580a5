"""Text from elsewhere as Markdown that shows it, and does nothing else."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mergec.diagnostics import safe

if TYPE_CHECKING:
    from collections.abc import Sequence

# Everything that begins a construct within a line, a link by itself (`:`, `@`) and a table's cell included.
_SPECIAL = re.compile(r"[\\`*_{}\[\]<>()#|~&$!:@]")
_AT_START = re.compile(r"^(?=[-+=])")
_TICKS = re.compile("`+")
_SHORTEST_FENCE = 3


def escaped(text: str) -> str:
    """One line of Markdown that shows the text, for a paragraph or a table's cell."""
    return _AT_START.sub(r"\\", _SPECIAL.sub(r"\\\g<0>", safe(text.strip())))


def quotation(text: str) -> str:
    """A text of any length as a block quote, line by line."""
    return "".join(f"> {escaped(line)}".rstrip() + "\n" for line in text.strip().splitlines())


def fenced(text: str, language: str) -> str:
    """A text that ends with its last line, in a block of code that nothing in it can end."""
    longest = max((len(ticks) for ticks in _TICKS.findall(text)), default=0)
    fence = "`" * max(longest + 1, _SHORTEST_FENCE)
    return f"{fence}{language}\n{text}{fence}\n"


def table(titles: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """A table; the cells are Markdown already."""
    lines = [titles, ("---",) * len(titles), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
