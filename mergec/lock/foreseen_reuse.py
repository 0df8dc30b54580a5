"""What the next build would take from what is there, told without reading a weight."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mergec.ir.plan import GivenVector
from mergec.lock.build_causes import build_causes, stamps_of
from mergec.lock.build_lock import trusted_output
from mergec.lock.found_permutations import match_nodes, vectors_of
from mergec.lock.kept_matches import KeptMatches, match_folder
from mergec.lock.known_keys import known_keys
from mergec.lock.source_digests import ReadFile, known_digests
from mergec.output.claimed_place import left_tensors
from mergec.output.journal import of_same_cause
from mergec.output.reuse import Reuse, Why, reuse_of, why_nothing
from mergec.recipe.recipe_model import is_single_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from mergec.ir.graph import CheckedGraph
    from mergec.ir.plan import Plan
    from mergec.lock.digest_cache import DigestCache
    from mergec.sources.checkpoint import WeightFile
    from mergec.symmetries.matching.solution import Solution


def known_contents(files: Sequence[WeightFile], cache: DigestCache) -> dict[Path, str]:
    """The SHA-256 of those weight files that nobody has touched since they were digested.

    Raises:
        MergecError: a file is not there any more, or another one.
    """
    digests = known_digests([ReadFile(file.path, file.identity) for file in files], cache)
    return {file.path: one.sha256 for file, one in zip(files, digests, strict=True) if one is not None}


def foreseen_reuse(
    checked: CheckedGraph,
    files: Sequence[WeightFile],
    plan: Plan,
    target: Path,
    contents: Mapping[Path, str],
    cache: DigestCache,
) -> Reuse:
    """What a build of a plan to `target` would take from there, as far as digests are known.

    `files` are those that the graph counts, and `contents` the digests of some of them.

    Raises:
        MergecError: a file is not there any more.
    """
    nothing = Reuse(frozenset(), frozenset(), {}, None)
    try:
        target = target.resolve()
    except (OSError, RuntimeError):  # links in a circle, before Python 3.13: a build says so
        return nothing
    if not target.name:  # the root of all folders: likewise
        return nothing
    layout = plan.layout
    solved = KeptMatches(checked, files, contents, match_folder()).find() if plan.matches else {}
    vectors = list(_known_vectors(plan, [solved.get(node) for node in match_nodes(checked, plan.matches)]))
    is_solved = len(vectors) == len(plan.permutations)
    left = left_tensors(target, layout, is_single_file=is_single_file(target))
    if left and is_solved:
        causes = build_causes(checked, files, stamps_of(files), vectors)
        left = of_same_cause(left, [causes[tensor.name] for tensor in layout.tensors])
    old = trusted_output(target, cache)
    decided = {node: vectors_of(solution) for node, solution in solved.items()}
    keys = known_keys(checked, files, contents, decided) if old is not None else {}
    of_tensors = [keys.get(tensor.name, Why.UNREAD) for tensor in layout.tensors]
    none = why_nothing(target, is_fresh=False)
    found = reuse_of(layout, of_tensors, old, left if is_solved else (), none)
    unknown = {} if is_solved else {number: Why.UNSOLVED for number in left if number in found.others}
    return Reuse(found.kept, found.resumed, {**found.others, **unknown}, old)


def _known_vectors(plan: Plan, solutions: Iterable[Solution | None]) -> Iterator[bytes]:
    """The vectors of permutations, in order, without those that are not known yet."""
    rest = iter(solutions)
    for number in plan.permutations:
        one = plan.decisions[number]
        if isinstance(one, GivenVector):
            yield one.vector
        elif (solution := next(rest)) is not None:
            yield b"".join(vector.tobytes() for vector in solution.elements)
