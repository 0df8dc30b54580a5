"""Several models brought together: each in turn is matched to the mean of all others.

Algorithm 3 of Git Re-Basin (Ainsworth et al., arXiv 2209.04836). The anchor moves too; in the end all models
move back with it, which changes nothing between them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mergec.symmetries.element import compose, identity, inverse
from mergec.symmetries.matching.descent import Descent
from mergec.symmetries.matching.measure import measured, values_at
from mergec.symmetries.matching.permuted_operand import MeanOperand
from mergec.symmetries.matching.state import Problem, State

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from mergec.ir.matching import Matching
    from mergec.symmetries.matching.cluster import Cluster
    from mergec.symmetries.matching.in_order import Workers
    from mergec.symmetries.matching.operand import Operand
    from mergec.symmetries.matching.part import Part
    from mergec.symmetries.matching.solution import Progress
    from mergec.symmetries.matching.times import Times


def merge_many(
    matching: Matching,
    problem: tuple[Sequence[Part], Sequence[Cluster], Times],
    operands: Sequence[Sequence[Operand]],
    elements: Sequence[NDArray[np.int32]],
    workers: Workers,
    progress: Progress,
) -> list[NDArray[np.int32]]:
    """Better elements for the models but the anchor, from those given.

    The sum of the inner products between all pairs of models never falls: each accepted step raises that
    of one model with the mean of the others.
    """
    symmetry = matching.symmetry
    parts, clusters, times = problem
    every = [identity(symmetry), *elements]
    for turn in range(matching.max_sweeps):
        has_changed = False
        for model in _order(matching.seed, turn, len(every)):
            others = [i for i in range(len(every)) if i != model]
            mean = _mean(matching, [(operands[i], every[i]) for i in others])
            pair = (mean, operands[model])
            sizes = measured(parts, pair, (0, model), workers)
            posed = Problem(symmetry, parts, clusters, sizes, pair, times)
            state = State(posed, every[model], values_at(posed, every[model], workers))
            descent = Descent(matching, state, workers, progress, model)
            descent.sweeps()
            has_changed |= any(descent.changes)
            every[model] = state.vector
            del state, descent  # and the costs they keep
        if not has_changed:
            break
    back = inverse(symmetry, every[0])
    return [compose(symmetry, element, back) for element in every[1:]]


def _order(seed: int, turn: int, count: int) -> list[int]:
    key = np.array([seed & (2**64 - 1), turn], np.uint64)
    raw = np.random.Philox(key=key).random_raw(count)
    return [int(number) for number in np.argsort(raw, kind="stable")]


def _mean(matching: Matching, models: Sequence[tuple[Sequence[Operand], NDArray[np.int32]]]) -> list[Operand]:
    made: list[Operand] = []
    for tensor in matching.symmetry.tensors:
        if tensor.weight > 0:
            start, stop = len(made), len(made) + len(tensor.names)
            own = [(operands[start:stop], vector) for operands, vector in models]
            made += (MeanOperand(matching.symmetry, tensor, i, own) for i in range(len(tensor.names)))
    return made
