"""What is shown while models are matched, and then while an output is written: one line at a time."""

from __future__ import annotations

import sys
import threading
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from mergec.cli.streams import has_color

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mergec.cli.settings import Settings
    from mergec.ir.plan import MatchTask, Plan
    from mergec.symmetries.matching.solution import Step

    Tiles = Callable[[int, int], None]
    Steps = Callable[[MatchTask, Step], None]


def is_shown(settings: Settings) -> bool:
    """Whether there is a terminal, and it is wanted there."""
    return not settings.is_quiet and sys.stderr is not None and sys.stderr.isatty()


@contextmanager
def matching_progress(settings: Settings) -> Iterator[Steps | None]:
    """A line about the matches while the block runs; gives what they tell, where anybody looks."""
    if not is_shown(settings):
        yield None
        return
    from mergec.cli.match_bar import shown_matching  # rich, for terminals only

    with shown_matching(is_colored=has_color(sys.stderr, settings)) as steps:
        yield steps


@contextmanager
def build_progress(plan: Plan, settings: Settings) -> Iterator[tuple[Tiles, Steps | None]]:
    """A line about the matches of a plan, and from the first tile on one about the output."""
    if not is_shown(settings):
        yield lambda _tensor, _bytes: None, None
        return
    from mergec.cli.build_progress import shown_progress  # rich, for terminals only

    is_colored = has_color(sys.stderr, settings)
    if not plan.matches:
        with shown_progress(plan, is_colored=is_colored) as tiles:
            yield tiles, None
        return
    with ExitStack() as later, ExitStack() as first:
        steps = first.enter_context(matching_progress(settings))
        yield _InTurn(first, lambda: later.enter_context(shown_progress(plan, is_colored=is_colored))), steps


class _InTurn:
    """Ends one display and begins another when the first tile is done, in whichever thread that is."""

    def __init__(self, first: ExitStack, begin: Callable[[], Tiles]) -> None:
        self._first = first
        self._begin = begin
        self._lock = threading.Lock()
        self._tiles: Tiles | None = None

    def __call__(self, tensor: int, nbytes: int) -> None:
        with self._lock:
            if self._tiles is None:
                self._first.close()
                self._tiles = self._begin()
        self._tiles(tensor, nbytes)
