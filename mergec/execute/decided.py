"""What a plan's decisions came to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

    from mergec.symmetries.matching.solution import Solution


@dataclass(frozen=True, slots=True)
class Decided:
    """The vectors of permutations that each decision gave, and what each match of the plan found."""

    vectors: tuple[torch.Tensor, ...] = ()
    solutions: tuple[Solution, ...] = ()


NOTHING_DECIDED = Decided()
