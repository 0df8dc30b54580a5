"""What aligning with one worker takes its time for: `python align_parts.py RECIPE OUTPUT MEMORY` as JSON."""

import json
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from functools import wraps
from typing import Any, Final

from mergec.api import LoadedRecipe, load
from mergec.execute import decide
from mergec.symmetries.matching import gram, nested, solve_cluster
from mergec.symmetries.matching.waiting_factors import WaitingFactors

# What is timed, and the functions that do it. What one of them takes is not counted to those that call it.
TIMED: Final[dict[str, tuple[tuple[Any, str], ...]]] = {
    "reading": ((decide.StreamedOperand, "rows"),),
    "inner products": ((gram, "_add_product"), (WaitingFactors, "multiply")),
    "assignments": (
        (solve_cluster, "assign"),
        (solve_cluster, "assign_sparse"),
        (nested.InnerSolver, "solve"),
    ),
    "the rest of matching": ((decide, "_solved"),),
    "gathering, writing and compiling": ((LoadedRecipe, "build"),),
}


class Stopwatch:
    """Seconds by what is running; of one thread."""

    def __init__(self) -> None:
        """Nothing is running."""
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self.running: list[str] = []
        self.since = time.perf_counter()

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


def main(recipe: str, output: str, memory: str) -> None:
    """Build with one worker and print the seconds as JSON."""
    watch = Stopwatch()
    for name, functions in TIMED.items():
        for home, function in functions:
            setattr(home, function, watch.timed(name, getattr(home, function)))
    load(recipe).build(out=output, memory=memory, workers=1, force=True)
    print(json.dumps({name: watch.seconds[name] for name in TIMED}))


if __name__ == "__main__":
    main(*sys.argv[1:])
