"""What a plan's decisions came to."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, overload

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from mergec.symmetries.matching.solution import Solution

    Vector = NDArray[np.generic]


class Vectors(Sequence["Vector"]):
    """The vector of each decision; some are made when they are first asked for, by whichever thread asks.

    Making one may ask for earlier ones.
    """

    def __init__(self) -> None:
        """Begin with none."""
        self._known: dict[int, Vector] = {}
        self._makers: list[tuple[threading.Lock, Callable[[], Vector]]] = []

    def append(self, make: Callable[[], Vector]) -> None:
        """Add one that is not made yet."""
        self._makers.append((threading.Lock(), make))

    def __len__(self) -> int:
        return len(self._makers)

    @overload
    def __getitem__(self, number: int) -> Vector: ...
    @overload
    def __getitem__(self, number: slice) -> list[Vector]: ...
    def __getitem__(self, number: int | slice) -> Vector | list[Vector]:
        if isinstance(number, slice):
            return [self[one] for one in range(len(self))[number]]
        lock, make = self._makers[number]
        with lock:
            if number not in self._known:
                self._known[number] = make()
            return self._known[number]


@dataclass(frozen=True, slots=True)
class Decided:
    """The vectors that each decision gave, and what each match of the plan found."""

    vectors: Sequence[Vector] = field(default_factory=Vectors)
    solutions: tuple[Solution, ...] = ()


NOTHING_DECIDED = Decided()
