"""How far a build is, on one line of the terminal."""

from __future__ import annotations

import gc
import os
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.constrain import Constrain
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    ProgressColumn,
    TimeRemainingColumn,
)
from rich.table import Column
from rich.text import Text

from mergec.diagnostics import safe
from mergec.ir.byte_size import format_size
from mergec.recipe.block_index import block_index

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from rich.console import RenderableType
    from rich.progress import Task, TaskID

    from mergec.ir.plan import Plan

_REFRESHES_PER_SECOND = 10
_BLOCK_WIDTH = 18
_ROOM_FOR_CTRL_C = 3


class _Counter:
    """What the workers report. Adding is all they do; drawing reads it now and then."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.bytes = 0
        self.tensor = 0
        self.resident_at_first: int | None = None

    def add(self, tensor: int, nbytes: int) -> None:
        with self._lock:
            if not self.bytes:
                # By now all libraries are loaded: they are not what the budget is about.
                self.resident_at_first = _resident_bytes()
                # Drawing leaves cycles behind, which would add up over hours; what is there stays.
                gc.freeze()
                gc.enable()
            self.bytes += nbytes
            self.tensor = tensor


class _Bar(Progress):
    """A progress display that asks the counter each time before it draws."""

    def __init__(self, plan: Plan, counter: _Counter, console: Console) -> None:
        self._plan = plan
        self._counter = counter
        self._total = sum(tensor.nbytes for tensor in plan.layout.tensors)
        self._task: TaskID | None = None
        self._screen = console
        super().__init__(
            _BlockColumn(self._block),
            BarColumn(bar_width=None),
            DownloadColumn(binary_units=True),
            _SpeedColumn(),
            TimeRemainingColumn(compact=True),
            _MemoryColumn(plan.memory.budget, counter),
            console=console,
            refresh_per_second=_REFRESHES_PER_SECOND,
            transient=True,
            expand=True,
        )
        self._task = self.add_task("", total=self._total)

    def get_renderables(self) -> Iterable[RenderableType]:
        if self._task is not None:  # rich draws once while the task is being added
            self.update(self._task, completed=self._counter.bytes)
        # A terminal writes ^C where the cursor is. On a full line it would begin another one, and
        # the line that is taken away at the end would be the wrong one.
        for line in super().get_renderables():
            yield Constrain(line, self._screen.width - _ROOM_FOR_CTRL_C)

    def _block(self) -> str:
        if self._counter.bytes >= self._total:
            return "to the disk"  # what is left is to wait for it
        return block_of(self._plan.layout.tensors[self._counter.tensor].name)


class _BlockColumn(ProgressColumn):
    def __init__(self, block: Callable[[], str]) -> None:
        self._block = block
        super().__init__(Column(no_wrap=True, min_width=_BLOCK_WIDTH))

    def render(self, task: Task) -> Text:  # noqa: ARG002  # rich's signature
        text = Text(self._block())
        text.truncate(_BLOCK_WIDTH, overflow="ellipsis", pad=True)
        return text


class _SpeedColumn(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(f"{format_size(task.speed)}/s" if task.speed else "", no_wrap=True)


class _MemoryColumn(ProgressColumn):
    """Resident memory above that of the interpreter and its libraries, against the budget."""

    max_refresh = 0.5

    def __init__(self, budget: int, counter: _Counter) -> None:
        self._budget = format_size(budget)
        self._counter = counter
        super().__init__(Column(no_wrap=True))

    def render(self, task: Task) -> Text:  # noqa: ARG002  # rich's signature
        now, before = _resident_bytes(), self._counter.resident_at_first
        if now is None or before is None:
            return Text("")
        return Text(f"mem {format_size(max(now - before, 0))}/{self._budget}", "dim")


def block_of(name: str) -> str:
    """The layer that a tensor belongs to, such as `model.layers.3`, else the module that holds it."""
    place = block_index(name)
    return safe(f"{place[0]}{place[1]}" if place is not None else name.rpartition(".")[0] or name)


@contextmanager
def shown_progress(plan: Plan, *, is_colored: bool) -> Iterator[Callable[[int, int], None]]:
    """A progress line on stderr while the block runs; gives the callback for the workers."""
    counter = _Counter()
    console = Console(stderr=True, no_color=not is_colored)
    with _Bar(plan, counter, console):
        yield counter.add


def _resident_bytes() -> int | None:
    """The memory that this process holds now; None where the system does not say."""
    try:
        pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE")
