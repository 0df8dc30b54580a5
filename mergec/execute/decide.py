"""The decisions of a plan: made before its first region, in order."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from mergec.diagnostics import MergecError, safe
from mergec.execute.decided import Decided, Vectors
from mergec.execute.errors import AverageWithCare, NotFiniteInMatch
from mergec.execute.streamed_operand import StreamedOperand, rows_computer
from mergec.ir.plan import GivenVector, JointTask

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from mergec.diagnostics import Diagnostic
    from mergec.ir.matching import MatchUse
    from mergec.ir.plan import MatchTask, Plan
    from mergec.sources.byte_source import ByteSource
    from mergec.symmetries.matching.objective import NotFiniteError
    from mergec.symmetries.matching.solution import Progress, Solution, Step

    MatchProgress = Callable[[MatchTask, Step], None]


def decide(
    plan: Plan,
    sources: Sequence[ByteSource],
    progress: MatchProgress | None,
    known: Mapping[int, Solution] | None = None,
) -> Decided:
    """Make the decisions of a plan. `progress` is told of each step of each match.

    `known` are solutions of some of the matches, by their numbers: nothing is looked for again there. What
    tensors of many names come to is found when it is asked for: what is built already needs none of it.

    Raises:
        MergecError: MC0704 where values to compare are not finite, MC02xx from a source.
    """
    vectors = Vectors()
    solutions: list[Solution] = []
    for one in plan.decisions:
        if isinstance(one, GivenVector):
            vectors.append(partial(_given, one))
        elif isinstance(one, JointTask):
            vectors.append(partial(_reduced, one, sources, vectors))
        else:
            steps = partial(progress, one) if progress is not None else _told_nobody
            solution = (known or {}).get(len(solutions)) or _solved(one, sources, vectors, steps)
            solutions.append(solution)
            vectors.append(partial(_found, solution))
    return Decided(vectors, tuple(solutions))


def _given(one: GivenVector) -> NDArray[np.int32]:
    return np.frombuffer(bytearray(one.vector), "<i4")[None]


def _found(solution: Solution) -> NDArray[np.int32]:
    return np.stack(solution.elements)


def _reduced(task: JointTask, sources: Sequence[ByteSource], vectors: Vectors) -> NDArray[np.generic]:
    from mergec.execute.joint_task import reduced  # torch

    return reduced(task, sources, vectors)


def _told_nobody(*_: object) -> None:
    """Nobody wants to know how far it is."""


def _solved(task: MatchTask, sources: Sequence[ByteSource], vectors: Vectors, progress: Progress) -> Solution:
    from mergec.symmetries.matching.objective import NotFiniteError
    from mergec.symmetries.matching.solve import solve
    from mergec.symmetries.matching.times import one_thread_of_numpy

    kept = iter(task.kept)
    computer = rows_computer(task, sources, vectors)
    operands = [
        [StreamedOperand(rows, computer, is_kept=next(kept)) for rows in model] for model in task.operands
    ]
    try:
        with one_thread_of_numpy(), computer.in_threads():
            return solve(task.matching, operands, task.workers, progress)
    except NotFiniteError as found:
        raise MergecError([_not_finite(task.uses[0], found)]) from None


def _not_finite(use: MatchUse, found: NotFiniteError) -> Diagnostic:
    help_ = f'take a sound checkpoint, or match without it: `weights: {{"{safe(found.tensor)}": 0}}`'
    model = (use.anchor, *use.together)[found.model]
    return NotFiniteInMatch(
        span=use.span, model=model, tensor=found.tensor, element=found.element, help=help_
    )


def cautions(matches: Sequence[MatchTask], solutions: Sequence[Solution]) -> Iterator[Diagnostic]:
    """MC0705 for each model whose units do not mostly stay where they are, if its table has a caution."""
    for task, solution in zip(matches, solutions, strict=True):
        for use in task.uses:
            gains = solution.models[use.row].gains
            if use.caution and 2 * sum(gain.is_identity for gain in gains) < len(gains):
                help_ = use.caution.rstrip(".")
                yield AverageWithCare(span=use.span, model=use.moved, anchor=use.anchor, help=help_)
