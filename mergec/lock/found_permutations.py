"""What the matches of a build found, for its lock and for the keys of its tensors."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from mergec.lock.lock_model import FoundPermutations
from mergec.lock.tensor_keys import DecidedVectors

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from mergec.ir.graph import CheckedGraph, NodeId
    from mergec.ir.plan import MatchTask
    from mergec.symmetries.matching.solution import Solution


def found_permutations(
    matches: Sequence[MatchTask], solutions: Sequence[Solution]
) -> dict[str, FoundPermutations]:
    """What was found for each aligned model, by its name."""
    return {
        use.made: FoundPermutations(
            seed=task.matching.seed,
            # The last digits differ between machines, and nobody reviews them.
            objective=float(f"{solution.models[use.row].objective:.6g}"),
            permutations=_digest([solution.elements[use.row]]),
        )
        for task, solution in zip(matches, solutions, strict=True)
        for use in task.uses
    }


def decided_vectors(
    checked: CheckedGraph, matches: Sequence[MatchTask], solutions: Sequence[Solution]
) -> dict[NodeId, DecidedVectors]:
    """What the matches of a graph came to, by their nodes; `matches` are those of the plan made from it."""
    found = {
        use.made: DecidedVectors(len(solution.elements), _digest(solution.elements))
        for task, solution in zip(matches, solutions, strict=True)
        for use in task.uses
    }
    return {
        node: found[use.made] for node, uses in checked.matches.items() for use in uses if use.made in found
    }


def _digest(vectors: Iterable[NDArray[np.int32]]) -> str:
    """Of int32 vectors one after another, in the order of bytes that files have."""
    hasher = sha256()
    for vector in vectors:
        hasher.update(vector.astype("<i4").tobytes())
    return hasher.hexdigest()
