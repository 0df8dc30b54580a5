"""How far a match is, on one line of the terminal."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from rich.console import Console
from rich.constrain import Constrain
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn
from rich.table import Column
from rich.text import Text

from mergec.cli.match_clock import MatchClock
from mergec.diagnostics import safe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from rich.console import RenderableType
    from rich.progress import Task, TaskID

    from mergec.ir.plan import MatchTask
    from mergec.symmetries.matching.solution import Step

_REFRESHES_PER_SECOND = 10
_ROOM_FOR_CTRL_C = 3
_WIDTHS = {"what": 20, "group": 16, "objective": 12, "left": 12}


class _Bar(Progress):
    """A progress display that asks the clock each time before it draws."""

    def __init__(self, clock: MatchClock, console: Console) -> None:
        self._clock = clock
        self._task: TaskID | None = None
        self._screen = console
        super().__init__(
            _TextColumn("what", self._what),
            BarColumn(bar_width=None),
            MofNCompleteColumn(),
            _TextColumn("group", self._group),
            _TextColumn("objective", self._objective),
            _TextColumn("left", self._left),
            console=console,
            refresh_per_second=_REFRESHES_PER_SECOND,
            transient=True,
            expand=True,
        )
        self._task = self.add_task("", total=None)

    def get_renderables(self) -> Iterable[RenderableType]:
        step = self._clock.step
        if self._task is not None and step is not None:
            self.update(self._task, completed=step.done, total=step.clusters)
        for line in super().get_renderables():  # ^C is written where the cursor is: see build_progress
            yield Constrain(line, self._screen.width - _ROOM_FOR_CTRL_C)

    def _what(self) -> str:
        return safe(self._clock.what)

    def _group(self) -> str:
        return safe(self._clock.step.cluster) if self._clock.step is not None else ""

    def _objective(self) -> str:
        return f"obj {self._clock.step.objective:.5g}" if self._clock.step is not None else ""

    def _left(self) -> str:
        left = self._clock.left()
        return f"{timedelta(seconds=round(left))} left" if left is not None else ""


class _TextColumn(ProgressColumn):
    def __init__(self, name: str, text: Callable[[], str]) -> None:
        self._text = text
        self._width = _WIDTHS[name]
        super().__init__(Column(no_wrap=True, min_width=self._width))

    def render(self, task: Task) -> Text:  # noqa: ARG002  # rich's signature
        text = Text(self._text())
        text.truncate(self._width, overflow="ellipsis", pad=True)
        return text


@contextmanager
def shown_matching(*, is_colored: bool) -> Iterator[Callable[[MatchTask, Step], None]]:
    """A progress line on stderr while the block runs; gives the callback for the matcher."""
    clock = MatchClock()
    # Drawing leaves cycles behind, which would add up over hours.
    gc.enable()
    with _Bar(clock, Console(stderr=True, no_color=not is_colored)):
        yield clock.note
