"""The decisions of a plan: made before its first region, in order."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch

from mergec.diagnostics import MergecError, safe
from mergec.execute.decided import Decided, Vectors
from mergec.execute.errors import AverageWithCare, NotFiniteInMatch
from mergec.execute.evaluator import Evaluator, rows_block
from mergec.execute.in_order import in_order
from mergec.execute.tile_computer import one_thread_each
from mergec.ir.plan import GivenVector, JointTask
from mergec.kernels.torch_dtypes import register_dtype

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from mergec.diagnostics import Diagnostic
    from mergec.ir.matching import MatchUse
    from mergec.ir.plan import MatchTask, Plan
    from mergec.ir.program import StreamedRows
    from mergec.ir.strided_view import Shape
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
    evaluator = Evaluator(sources, vectors)
    solutions: list[Solution] = []
    with one_thread_each():
        for one in plan.decisions:
            if isinstance(one, GivenVector):
                vectors.append(partial(_given, one))
            elif isinstance(one, JointTask):
                vectors.append(partial(_reduced, one, evaluator))
            else:
                steps = partial(progress, one) if progress is not None else _told_nobody
                solution = (known or {}).get(len(solutions)) or _solved(one, evaluator, steps)
                solutions.append(solution)
                vectors.append(partial(_found, solution))
    return Decided(vectors, tuple(solutions))


def _given(one: GivenVector) -> NDArray[np.int32]:
    return np.frombuffer(bytearray(one.vector), "<i4")[None]


def _found(solution: Solution) -> NDArray[np.int32]:
    return np.stack(solution.elements)


def _reduced(task: JointTask, evaluator: Evaluator) -> NDArray[np.generic]:
    from mergec.symmetries.matching.freed_memory import give_back

    with one_thread_each():
        found = _streamed(task, evaluator)
    give_back()  # what the tiles took is promised to the workers next
    return found.numpy()


def _streamed(task: JointTask, evaluator: Evaluator) -> torch.Tensor:
    if task.workers == 1:
        return evaluator.reduce(task.reduction)
    # Asking for the number of threads makes a thread keep to the one that was set for all.
    with ThreadPoolExecutor(task.workers, "mergec", initializer=torch.get_num_threads) as pool:
        return evaluator.reduce(task.reduction, partial(in_order, pool, task.workers))


def _told_nobody(*_: object) -> None:
    """Nobody wants to know how far it is."""


def _solved(task: MatchTask, evaluator: Evaluator, progress: Progress) -> Solution:
    # scipy, which given permutations need none of
    from mergec.symmetries.matching.objective import NotFiniteError
    from mergec.symmetries.matching.solve import solve

    kept = iter(task.kept)
    operands = [
        [StreamedOperand(rows, evaluator, is_kept=next(kept)) for rows in model] for model in task.operands
    ]
    try:
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


class StreamedOperand:
    """A tensor to compare, computed as often as its rows are asked for, or once if it is kept."""

    def __init__(self, value: StreamedRows, evaluator: Evaluator, *, is_kept: bool = False) -> None:
        """What the rows need whole is made when the first of them are asked for, and kept."""
        self._value = value
        self._evaluator = evaluator
        self._lock, self._keeping = threading.Lock(), threading.Lock()
        self._held: tuple[torch.Tensor, ...] | None = None
        self._is_kept = is_kept
        self._kept: torch.Tensor | None = None

    @property
    def shape(self) -> Shape:
        """The sizes of the axes."""
        return self._value.shape

    def rows(self, start: int, stop: int) -> torch.Tensor:
        """The rows start <= number < stop, in float32 or float64; not to be written to."""
        whole = self.in_memory()
        return self._computed(start, stop) if whole is None else whole[start:stop]

    def in_memory(self) -> torch.Tensor | None:
        """All rows of what is kept."""
        if not self._is_kept:
            return None
        with self._keeping:
            if self._kept is None:
                self._kept = self._computed(0, self._value.shape[0])
            return self._kept

    def _computed(self, start: int, stop: int) -> torch.Tensor:
        value = self._value
        program = value.program
        held = self._needed_whole()
        dtype = register_dtype(program.registers[program.result].dtype)
        made = torch.empty((stop - start, *value.shape[1:]), dtype=dtype)
        block = rows_block(value)
        at = start - start % program.block  # kernels that take blocks of rows count them from the first
        while at < stop:
            count = min(value.tile, value.shape[0] - at)
            rows = self._evaluator.rows(value, at, count, held, block)
            first, last = max(start, at), min(stop, at + count)
            made[first - start : last - start].copy_(rows[first - at : last - at])
            at += count
        return made

    def _needed_whole(self) -> tuple[torch.Tensor, ...]:
        with self._lock:
            if self._held is None:
                self._held = self._evaluator.whole(self._value.held)
            return self._held
