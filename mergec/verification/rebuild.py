"""Tensors of an output computed again from the sources, and compared; nothing is written."""

from __future__ import annotations

import os
from contextlib import ExitStack, closing
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from mergec.diagnostics import MergecError, safe
from mergec.diagnostics.held_signals import signals_held
from mergec.execute.decided import NOTHING_DECIDED
from mergec.execute.differing_inputs import inputs_named
from mergec.execute.run_plan import run_plan
from mergec.ir.dtype import DType
from mergec.ir.primitive import Reproducibility
from mergec.lock.digest_cache import DigestCache, cache_file
from mergec.lock.foreseen_reuse import known_contents
from mergec.lock.found_permutations import found_permutations, match_nodes
from mergec.lock.kept_matches import KeptMatches, match_folder
from mergec.output.tensor_digests import CHUNK
from mergec.sources import open_bytes
from mergec.verification.comparing_sink import ComparingSink
from mergec.verification.errors import FilesDiffer, NotOfThisRecipe
from mergec.verification.needed_decisions import with_needed_decisions

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from mergec.ir.plan import PlacedTensor, Plan
    from mergec.lock.lock_model import FoundPermutations
    from mergec.pipeline import Compiled
    from mergec.symmetries.matching.solution import Solution
    from mergec.verification.comparing_sink import OtherBytes
    from mergec.verification.output_on_disk import OutputOnDisk

# How far tensors of class R2 may be off, as the L2 norm of the difference over that of the tensor.
TOLERANCES = {DType.F64: 1e-12, DType.F32: 1e-5, DType.F16: 1e-3, DType.BF16: 8e-3}
_MOST = 3


class Rebuilt(NamedTuple):
    """How many tensors were computed again, and how those differ that do.

    `tolerated` counts those that are equal within a tolerance only.
    """

    tensors: int
    tolerated: int
    other: Mapping[str, str]


def rebuild(
    compiled: Compiled,
    plan: Plan,
    output: OutputOnDisk,
    names: Collection[str] | None,
    permutations: Mapping[str, FoundPermutations],
    progress: Callable[[int, int], None],
) -> Rebuilt:
    """Compute the named tensors, or all, and compare them with the output.

    `permutations` tell what was found when it was built: files of just these, or what is kept of a build on
    this machine, stand for what else would have to be looked for.

    Raises:
        MergecError: MC02xx from a source, MC07xx; MC0885 where the output cannot be read.
    """
    tensors = plan.layout.tensors
    chosen = {n for n, one in enumerate(tensors) if names is None or one.name in names}
    part = replace(plan, regions=tuple(region for region in plan.regions if region.tensor in chosen))
    part = with_needed_decisions(part, permutations)
    with ExitStack() as stack:
        sources = [stack.enter_context(closing(open_bytes(file))) for file in compiled.sources.files]
        sink = ComparingSink(plan.layout, output, _opened(output, stack))
        stack.enter_context(inputs_named(compiled.checked, compiled.sources.names))
        decided = NOTHING_DECIDED
        if part.decisions:
            with signals_held():
                from mergec.execute.decide import decide  # torch and scipy
            decided = decide(part, sources, None, _known(compiled, part, permutations))
        try:
            run_plan(part, sources, sink, progress, decided.vectors)
        except OSError as error:
            raise _unreadable(output, error) from error
        for source in sources:
            source.check_unchanged()
    found = {tensors[number]: one for number, one in sink.found.items()}
    other = {tensor: one for tensor, one in found.items() if not _is_tolerated(tensor, one)}
    told = {tensor.name: _told(tensor, one, output) for tensor, one in other.items()}
    return Rebuilt(len(chosen), len(found) - len(other), told)


def _known(
    compiled: Compiled, plan: Plan, permutations: Mapping[str, FoundPermutations]
) -> dict[int, Solution]:
    """What is kept of an earlier build for matches of a plan, where it is what `permutations` tell of."""
    if not plan.matches or not permutations:
        return {}
    checked, files = compiled.checked, compiled.sources.files
    contents = known_contents(files, DigestCache(cache_file()))
    kept = KeptMatches(checked, files, contents, match_folder()).find()
    found = zip(plan.matches, match_nodes(checked, plan.matches), strict=True)
    return {
        number: kept[node]
        for number, (task, node) in enumerate(found)
        if node in kept
        and all(
            made in permutations and permutations[made].permutations == one.permutations
            for made, one in found_permutations([task], [kept[node]]).items()
        )
    }


def check_layout(plan: Plan, output: OutputOnDisk, recipe: str) -> None:
    """Make sure that the recipe gives the tensors that the output has.

    Raises:
        MergecError: MC0891.
    """
    made = {tensor.name: f"{tensor.dtype.code} {list(tensor.shape)}" for tensor in plan.layout.tensors}
    there = {name: f"{one.view.dtype.code} {list(one.view.shape)}" for name, one in output.tensors.items()}
    what = [f"it lacks {_some(sorted(made.keys() - there.keys()))}"] if made.keys() - there.keys() else []
    if there.keys() - made.keys():
        what.append(f"the recipe gives no {_some(sorted(there.keys() - made.keys()))}")
    if other := sorted(name for name in made.keys() & there.keys() if made[name] != there[name]):
        what.append(f"{_some(other)}: {made[other[0]]} by the recipe, {there[other[0]]} in the output")
    if what:
        first, *others = what
        raise MergecError(
            [NotOfThisRecipe(path=str(output.path), recipe=recipe, what=first, notes=tuple(others))]
        )


def _some(names: list[str]) -> str:
    more = f" and {len(names) - _MOST:,} more" if len(names) > _MOST else ""
    return ", ".join(f"`{safe(name)}`" for name in names[:_MOST]) + more


def _opened(output: OutputOnDisk, stack: ExitStack) -> dict[str, int]:
    descriptors: dict[str, int] = {}
    for name in sorted({one.file for one in output.tensors.values()}):
        try:
            descriptors[name] = os.open(output.root / name, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise _unreadable(output, error, name) from error
        stack.callback(os.close, descriptors[name])
    return descriptors


def _unreadable(output: OutputOnDisk, error: OSError, name: str = "") -> MergecError:
    problem = f"cannot be read: {error.strerror or error}"
    return MergecError([FilesDiffer(file=name or str(output.path), problem=problem)])


def _is_tolerated(tensor: PlacedTensor, one: OtherBytes) -> bool:
    if tensor.reproducibility is not Reproducibility.R2 or tensor.dtype not in TOLERANCES:
        return False
    return one.relative <= TOLERANCES[tensor.dtype]


def _told(tensor: PlacedTensor, one: OtherBytes, output: OutputOnDisk) -> str:
    """Where the first chunk lies in which a byte differs."""
    assert one.first is not None
    file, view = output.tensors[tensor.name]
    start = one.first - one.first % CHUNK
    stop = min(start + CHUNK, tensor.nbytes)
    where = f"bytes {view.offset + start:,} to {view.offset + stop:,} of {safe(file)}"
    what = f"differs first at its byte {one.first:,}, in {where}"
    if one.squares:
        what += f"; its relative L2 norm is {one.relative:.1e}"
    return what
