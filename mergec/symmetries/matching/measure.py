"""What the parts of two models are worth."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING

from mergec.symmetries.matching.freed_memory import give_back
from mergec.symmetries.matching.objective import Size, assert_finite, size, value

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from mergec.symmetries.matching.in_order import Workers
    from mergec.symmetries.matching.operand import Operand
    from mergec.symmetries.matching.part import Part
    from mergec.symmetries.matching.state import Problem


def measured(
    parts: Sequence[Part],
    operands: tuple[Sequence[Operand], Sequence[Operand]],
    models: tuple[int, int],
    workers: Workers,
) -> list[Size]:
    """The size of each part in two models; `models` are their numbers.

    Raises:
        NotFiniteError: a value is not a finite number.
    """
    sizes = workers.map(lambda number: size(parts[number], *operands), range(len(parts)))
    give_back()
    for part, found in zip(parts, sizes, strict=True):
        for square, own, model in zip(found[:2], operands, models, strict=True):
            if not isfinite(square):
                assert_finite(part, own, model)
    return sizes


def values_at(problem: Problem, vector: NDArray[np.int32], workers: Workers) -> list[float]:
    """The value of each part with the moving model as the vector has it."""
    pair = problem.pair(vector)
    values = workers.map(lambda number: value(pair, problem.parts[number]), range(len(problem.parts)))
    give_back()
    return values
