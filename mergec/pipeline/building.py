"""Plan to checkpoint."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from mergec.ir.config_edit import adapter_files
from mergec.pipeline.planning import copied_files, target_path, with_metadata
from mergec.pipeline.solving import decided
from mergec.recipe.recipe_model import is_single_file

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from mergec.diagnostics import Report
    from mergec.execute.decide import MatchProgress
    from mergec.execute.decided import Decided
    from mergec.ir.plan import Plan
    from mergec.lock.build_lock import BuildLock
    from mergec.output.old_output import OldOutput
    from mergec.output.partial_output import PartialOutput
    from mergec.output.reuse import Reuse
    from mergec.pipeline.compiling import Compiled
    from mergec.pipeline.options import Options
    from mergec.sources.byte_source import ByteSource
    from mergec.symmetries.matching.solution import Solution


@dataclass(frozen=True, slots=True)
class Built:
    """A finished build: the path that was written, and what the plan's matches found.

    `known` are the numbers of the matches that an earlier build had solved, `reuse` tells of the tensors that
    were there already, `contents` the SHA-256 of the files that were read, and `remark` of what a stopped
    build left.
    """

    path: Path
    solutions: tuple[Solution, ...]
    known: frozenset[int]
    reuse: Reuse
    contents: Mapping[Path, str]
    remark: str


def build(
    compiled: Compiled,
    plan: Plan,
    options: Options,
    report: Report,
    progress: Callable[[int, int], None] = lambda _tensor, _bytes: None,
    matching: MatchProgress | None = None,
) -> Built:
    """Plan to checkpoint. `progress` is told (tensor, bytes) per tile, `matching` of every solved group.

    Raises:
        MergecError: MC02xx, MC07xx and MC08xx; the output path then is as it was before.
    """
    from mergec.execute.differing_inputs import inputs_named
    from mergec.execute.run_plan import run_plan
    from mergec.output.reuse import reuse_with, why_nothing

    _check_places(compiled, plan, options, report)
    with ExitStack() as stack:
        site = _opened(compiled, with_metadata(plan, compiled), options, report, stack)
        plan, output, lock = site.plan, site.output, site.lock
        with inputs_named(compiled.checked, compiled.sources.names):
            old = lock.old_output(site.target) if not options.fresh else None
            known = lock.known_matches(plan, waits=old is not None) if not options.fresh else {}
            found = decided(plan, site.sources, report, matching, known)
            lock.keep_matches(plan, found.solutions)
            keys = lock.keys(plan, found.solutions, waits=old is not None)
            kept = _begin(site, found, keys, old)
            none = why_nothing(site.target, is_fresh=options.fresh)
            for number in kept:
                progress(number, plan.layout.tensors[number].nbytes)
            run_plan(plan, site.sources, output, progress, found.vectors, kept)
            if lost := output.await_copies():
                kept = _without(lost, kept, plan, progress)
                done = set(range(len(plan.layout.tensors))).difference(lost)
                run_plan(plan, site.sources, output, progress, found.vectors, done)
            reuse = reuse_with(plan.layout, keys or (), old, kept, (), none)
        for source in site.sources:
            source.check_unchanged()
        _add_files(site, copied_files(compiled, plan, options))
        _publish(site, found, keys or lock.keys(plan, found.solutions, waits=True), report)
    _warn_of_values(plan, output.not_finite, report)
    return Built(site.target, found.solutions, frozenset(known), reuse, lock.contents(), output.remark)


def _without(
    lost: Sequence[int], kept: Sequence[int], plan: Plan, progress: Callable[[int, int], None]
) -> list[int]:
    """What is kept after all, where what was there is damaged: the others were told of too early."""
    for number in lost:
        progress(number, -plan.layout.tensors[number].nbytes)
    return sorted(set(kept).difference(lost))


def _check_places(compiled: Compiled, plan: Plan, options: Options, report: Report) -> None:
    from mergec.output.ownership import check_target
    from mergec.output.saved_permutations import check_saves

    target, read = target_path(compiled, options), compiled.inputs
    check_target(target, read, force=options.force, report=report)
    check_saves(plan.matches, read, force=options.force, report=report, output=target)
    report.stop_on_error()


class _Site(NamedTuple):
    """What the steps of a build work on; `stamps` tell the weight files before they were opened."""

    compiled: Compiled
    plan: Plan
    target: Path
    stamps: Sequence[str]
    sources: Sequence[ByteSource]
    lock: BuildLock
    output: PartialOutput


def _opened(compiled: Compiled, plan: Plan, options: Options, report: Report, stack: ExitStack) -> _Site:
    from mergec.lock.build_causes import stamps_of
    from mergec.lock.build_lock import BuildLock
    from mergec.output.partial_output import PartialOutput

    target = target_path(compiled, options)
    stamps = stamps_of(compiled.sources.files)  # before they are opened: a later change must show
    sources = compiled.opened(stack)
    lock = BuildLock(
        compiled.path,
        compiled.recipe,
        compiled.sources,
        compiled.checked,
        is_held=options.locked,
        # In another place or with other parameters, what is built is not what the recipe says.
        is_written=not options.locked and options.out is None and not compiled.overrides,
        workers=plan.memory.workers,
    )
    stack.enter_context(lock)
    lock.start(report)
    is_file = is_single_file(target)
    output = PartialOutput(target, plan.layout, is_single_file=is_file, is_fresh=options.fresh)
    return _Site(compiled, plan, target, stamps, sources, lock, stack.enter_context(output))


def _begin(site: _Site, found: Decided, keys: Sequence[str] | None, old: OldOutput | None) -> list[int]:
    """Begin the output; the numbers of the tensors that are there already."""
    from mergec.execute.load_libraries import load_libraries
    from mergec.execute.needs_torch import needs_torch
    from mergec.lock.build_causes import build_causes

    plan = site.plan
    vectors = [found.vectors[number].tobytes() for number in plan.permutations]
    causes = build_causes(site.compiled.checked, site.compiled.sources.files, site.stamps, vectors)
    return site.output.begin(
        [causes[tensor.name] for tensor in plan.layout.tensors],
        keys=keys,
        old=old,
        copied=site.lock.copied(plan, keys),
        workers=plan.memory.workers,
        # Reserving ahead pays while torch loads; what starts at once would only wait for it.
        reserve=needs_torch(plan.regions),
        meanwhile=partial(load_libraries, plan),
    )


def _add_files(site: _Site, copied: Mapping[Path, Path]) -> None:
    """The files beside the weights: those of a source, of an adapter its own, and those on the making."""
    from mergec.provenance.output_files import provenance_files

    compiled, plan = site.compiled, site.plan
    if compiled.sources.side_files is not None:
        site.output.add_side_files(copied, compiled.sources.side_files.config, plan.config)
        site.lock.check_copied(site.output.path)
    if is_single_file(site.target):
        return
    adapter = adapter_files(plan.config)
    site.output.add_files({name: text.encode() for name, text in adapter.files} if adapter else {})
    names = [place.as_posix() for place in copied]
    told = provenance_files(compiled.bound, compiled.sources, plan.layout, names, site.lock.sources())
    site.output.add_files(told)


def _publish(site: _Site, found: Decided, keys: Sequence[str] | None, report: Report) -> None:
    """Put the output in its place, and the lock beside the recipe."""
    from mergec.lock.kept_manifests import keep_manifest
    from mergec.provenance.built_recipe import BUILT_RECIPE, built_recipe

    plan, output, lock = site.plan, site.output, site.lock
    lock.check_output(plan, found.solutions, output.merkle)
    output.publish(index=plan.layout.index, keys=keys)
    if is_single_file(site.target):
        told = {BUILT_RECIPE: built_recipe(site.compiled.bound).encode()}
        keep_manifest(site.target, plan.layout, output.entries, keys, told)
    lock.remember_copies(plan, keys, {number: one.digest for number, one in output.entries.items()})
    lock.finish(site.target, plan, found.solutions, output.merkle, report)


def _warn_of_values(plan: Plan, not_finite: Sequence[int], report: Report) -> None:
    from mergec.execute.errors import OutputNotFinite

    if not_finite:
        first, *others = (plan.layout.tensors[number].name for number in not_finite)
        report.add(OutputNotFinite(tensor=first, more=f" and {len(others)} more" if others else ""))
