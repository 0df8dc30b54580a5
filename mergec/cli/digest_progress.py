"""How much is read for digests, of sources or of an output, on one line of the terminal."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from mergec.cli.streams import has_color

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.progress import Progress

    from mergec.cli.settings import Settings


class ReadingProgress(Protocol):
    """Is told how much there is to read, and then of each part that was."""

    def begin(self, total: int) -> None:
        """So many bytes will be read."""

    def advance(self, nbytes: int) -> None:
        """So many more have been; called from any thread."""


class _Nothing:
    """No terminal looks on."""

    def begin(self, total: int) -> None:
        """Say nothing."""

    def advance(self, nbytes: int) -> None:
        """Say nothing."""


class _Line:
    """A bar, once it is known how long it is."""

    def __init__(self, shown: Progress, what: str) -> None:
        self._shown = shown
        self._task = shown.add_task(what, total=None, visible=False)

    def begin(self, total: int) -> None:
        """Show it, unless there is nothing to read."""
        self._shown.update(self._task, total=total, visible=total > 0)

    def advance(self, nbytes: int) -> None:
        """Move it; the first bytes may be read before it is there."""
        self._shown.advance(self._task, nbytes)


@contextmanager
def reading_progress(settings: Settings, what: str = "reading sources") -> Iterator[ReadingProgress]:
    """A line on stderr while something is read, if it is a terminal and not told to be quiet."""
    if settings.is_quiet or sys.stderr is None or not sys.stderr.isatty():
        yield _Nothing()
        return
    from rich.console import Console  # for terminals only
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(file=sys.stderr, no_color=not has_color(sys.stderr, settings))
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(binary_units=True),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as shown:
        yield _Line(shown, what)
