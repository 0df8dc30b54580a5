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
    nodes = match_nodes(checked, matches)
    return {node: vectors_of(solution) for node, solution in zip(nodes, solutions, strict=True)}


def match_nodes(checked: CheckedGraph, matches: Iterable[MatchTask]) -> list[NodeId]:
    """The node of each match of a plan, in the graph that the plan was made from."""
    nodes = {use.made: node for node, uses in checked.matches.items() for use in uses}
    return [nodes[task.uses[0].made] for task in matches]


def vectors_of(solution: Solution) -> DecidedVectors:
    """What stands for a solution in keys."""
    return DecidedVectors(len(solution.elements), _digest(solution.elements))


def _digest(vectors: Iterable[NDArray[np.int32]]) -> str:
    """Of int32 vectors one after another, in the order of bytes that files have."""
    hasher = sha256()
    for vector in vectors:
        hasher.update(vector.astype("<i4").tobytes())
    return hasher.hexdigest()
