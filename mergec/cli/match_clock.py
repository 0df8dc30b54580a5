"""How far a matcher is, and how long its sweep still takes."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from mergec.ir.plan import MatchTask
    from mergec.symmetries.matching.solution import Step


class MatchClock:
    """Is told of steps from any thread, and asked now and then."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        """Begin the first sweep."""
        self._now = now
        self._lock = threading.Lock()
        self._started = self._last = now()
        self._before: float | None = None
        self.task: MatchTask | None = None
        self.step: Step | None = None

    def note(self, task: MatchTask, step: Step) -> None:
        """A group, with its families, was solved. A sweep begins when the one before has ended."""
        with self._lock:
            now = self._now()
            old = self.step
            if old is not None and (
                task is not self.task or (step.model, step.sweep) != (old.model, old.sweep)
            ):
                is_next = task is self.task and step.model == old.model
                self._before = self._last - self._started if is_next else None
                self._started = self._last
            self.task, self.step, self._last = task, step, now

    def left(self) -> float | None:
        """The seconds that are left of the sweep; None where nothing tells.

        At its beginning the sweep before tells, at its end what it has taken itself.
        """
        with self._lock:
            if self.step is None:
                return None
            share = self.step.done / self.step.clusters
            elapsed = self._now() - self._started
        if share >= 1:
            return 0.0
        by_share = elapsed * (1 - share) / share
        if self._before is None:
            return by_share
        return share * by_share + (1 - share) * max(self._before - elapsed, 0.0)

    @property
    def what(self) -> str:
        """Which model is matched to which, and the sweep: `b to a, sweep 2`."""
        if self.task is None or self.step is None:
            return "matching"
        use = self.task.uses[0]
        model = (use.anchor, *use.together)[self.step.model]
        sweep = f"sweep {self.step.sweep}" if self.step.sweep else "start"
        return f"{model} to {use.anchor}, {sweep}" if self.step.model else f"{model}, {sweep}"
