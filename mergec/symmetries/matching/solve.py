"""Weight matching (Git Re-Basin, Ainsworth et al., arXiv 2209.04836): the entry of the matcher."""

from __future__ import annotations

from math import fsum
from typing import TYPE_CHECKING

import numpy as np

from mergec.symmetries.element import identity, rows_of
from mergec.symmetries.matching.cluster import clusters_of
from mergec.symmetries.matching.descent import align
from mergec.symmetries.matching.in_order import Workers
from mergec.symmetries.matching.measure import measured, values_at
from mergec.symmetries.matching.merge_many import merge_many
from mergec.symmetries.matching.part import parts_of
from mergec.symmetries.matching.solution import GroupGain, ModelMatch, Solution
from mergec.symmetries.matching.state import Problem
from mergec.symmetries.matching.times import times_for

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from mergec.ir.matching import Matching
    from mergec.symmetries.matching.operand import Operand
    from mergec.symmetries.matching.solution import Progress


def solve(
    matching: Matching, operands: Sequence[Sequence[Operand]], workers: int, progress: Progress
) -> Solution:
    """Elements that bring the models close to the first one, the anchor.

    `operands` are those of each model: for each tensor of the symmetry whose weight is not 0, one for each
    of its names. The solution does not depend on the number of workers.

    Raises:
        NotFiniteError: a model holds a value that is not a finite number.
    """
    parts = parts_of(matching.symmetry)
    clusters = clusters_of(matching.symmetry, parts)
    times = times_for(matching.symmetry)
    with np.errstate(all="ignore"), Workers(workers) as pool:  # what is not finite is looked for
        problems, elements, found, sweeps = [], [], [], []
        for model in range(1, len(operands)):
            pair = (operands[0], operands[model])
            sizes = measured(parts, pair, (0, model), pool)
            problem = Problem(matching.symmetry, parts, clusters, sizes, pair, times)
            state, objectives = align(matching, problem, pool, progress, model)
            problems.append(problem)
            elements.append(state.vector)
            found.append(state.values)
            sweeps.append(objectives)
            del state  # and the costs that it keeps
        if matching.refine:
            elements = merge_many(matching, (parts, clusters, times), operands, elements, pool, progress)
            found = [values_at(*each, pool) for each in zip(problems, elements, strict=True)]
    matches = [_match(*each) for each in zip(problems, found, elements, sweeps, strict=True)]
    return Solution(tuple(elements), tuple(matches))


def _match(
    problem: Problem,
    after: Sequence[float],
    element: NDArray[np.int32],
    sweeps: Sequence[float],
) -> ModelMatch:
    symmetry = problem.symmetry
    start = identity(symmetry)
    gains = []
    before = [size.inner for size in problem.sizes]
    norms = [size.norm for size in problem.sizes]
    for cluster in problem.clusters:
        worth = [fsum(values[part] for part in cluster.parts) for values in (before, after, norms)]
        for group in sorted(cluster.root.numbers()):
            if not symmetry.groups[group].is_frozen:
                stays = np.array_equal(rows_of(symmetry, element, group), rows_of(symmetry, start, group))
                gains.append(GroupGain(group, worth[0], worth[1], worth[2], stays))
    return ModelMatch(
        identity=fsum(before),
        objective=fsum(after),
        norm=fsum(norms),
        sweeps=tuple(sweeps),
        gains=tuple(sorted(gains)),
    )
