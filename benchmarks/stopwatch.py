"""What a command takes its time for: seconds by what is running, of one thread."""

import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Any, TypeAlias

Functions: TypeAlias = Sequence[tuple[Any, str]]
"""Modules or classes, and the names of functions in them."""


class Stopwatch:
    """Books time to the innermost function that is timed: it is not counted to those that call it."""

    def __init__(self, timed: Mapping[str, Functions]) -> None:
        """Replace the functions by ones that are timed, under what they are part of."""
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self.running: list[str] = []
        self.since = time.perf_counter()
        for name, functions in timed.items():
            for home, function in functions:
                setattr(home, function, self.timed(name, getattr(home, function)))

    def turn(self) -> None:
        """Book the time since the last turn."""
        now = time.perf_counter()
        if self.running:
            self.seconds[self.running[-1]] += now - self.since
        self.since = now

    def timed(self, name: str, function: Callable[..., object]) -> Callable[..., object]:
        """The function, with its time booked under a name."""

        @wraps(function)
        def measured(*args: object, **keys: object) -> object:
            self.turn()
            self.running.append(name)
            try:
                return function(*args, **keys)
            finally:
                self.turn()
                self.running.pop()

        return measured
