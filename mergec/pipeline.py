"""The whole pipeline on one screen: the only module that knows the order of the stages.

text --recipe--> Recipe --sources--> SourceTable --lower--> LoweredRecipe --check--> CheckedGraph
     --optimise--> CheckedGraph --schedule--> Plan --execute, output--> checkpoint
"""

from __future__ import annotations

import gc
import os
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from mergec.check.check_graph import check
from mergec.diagnostics import MergecError, Report
from mergec.diagnostics.held_signals import signals_held
from mergec.ir.config_edit import adapter_files
from mergec.ir.expression import Tensor
from mergec.ir.graph import OutputTensor
from mergec.lower.adapter_output import wrong_adapter_path
from mergec.lower.bind import bind
from mergec.lower.lower_recipe import lower
from mergec.provenance.ancestors import ancestors, report_cards
from mergec.recipe.load import Recipe, load_recipe
from mergec.recipe.param_notes import with_parameters
from mergec.recipe.recipe_model import is_single_file
from mergec.sources.source_table import SourceTable, open_sources

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from mergec.execute.decide import MatchProgress
    from mergec.execute.decided import Decided
    from mergec.execute.tensors_in_memory import TensorsInMemory
    from mergec.ir.graph import CheckedGraph
    from mergec.ir.model_table import ModelTable
    from mergec.ir.plan import Plan
    from mergec.lock.build_lock import BuildLock
    from mergec.lock.lock_model import LockedSource
    from mergec.lower.bind import BoundRecipe
    from mergec.output.reuse import Reuse
    from mergec.sources.byte_source import ByteSource
    from mergec.symmetries.matching.solution import Solution

DEFAULT_MEMORY = 1 << 30


@dataclass(frozen=True, slots=True)
class Compiled:
    """The recipe at a path, known to be sound. `overrides` are parameters that were given beside it."""

    path: Path
    recipe: Recipe
    sources: SourceTable
    checked: CheckedGraph
    overrides: Mapping[str, str]


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


@dataclass(frozen=True, slots=True)
class Options:
    """What a build may use and do. `out` replaces the recipe's output path.

    With `fresh`, everything is computed, whatever an earlier build left. With `locked`, the recipe, its
    sources and what comes of them must be what the recipe's lock says.
    """

    memory: int = DEFAULT_MEMORY
    workers: int = 0  # 0: one per processor
    out: Path | None = None
    force: bool = False
    fresh: bool = False
    locked: bool = False


def compile_recipe(
    path: Path, overrides: Mapping[str, str], report: Report, *, allow_plugins: bool = False
) -> Compiled:
    """Text to checked graph, from headers alone. The recipe's plugins are run only if that is allowed.

    Raises:
        MergecError: what the first stage that found errors found.
    """
    try:
        recipe = load_recipe(path, overrides, report, allow_plugins=allow_plugins)
        return compile_loaded(path, recipe, overrides, report)
    except MergecError as error:
        raise MergecError(with_parameters(error.diagnostics, overrides)) from error


def compile_loaded(path: Path, recipe: Recipe, overrides: Mapping[str, str], report: Report) -> Compiled:
    """A recipe that was read already, to checked graph. `path` is where it stands.

    Raises:
        MergecError: what the first stage that found errors found.
    """
    with _collector_paused():
        bound = bind(recipe, report)
        sources = open_sources(recipe, bound.sources, report)
        lowered = lower(bound, sources, report)
        checked = check(lowered, sources.names, report)
        report_cards(ancestors(bound, sources), recipe, report)
        return Compiled(path, recipe, sources, checked, overrides)


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Graphs are a million small tuples without a cycle: looking for cycles would double the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def make_build_plan(compiled: Compiled, options: Options) -> Plan:
    """Checked graph to plan.

    Raises:
        MergecError: MC0601 when the budget is too small, MC0393 for a path that is not for an adapter.
    """
    from mergec.optimise import optimise
    from mergec.provenance.merged_files import planned_metadata
    from mergec.schedule.make_plan import Limits, make_plan

    target = target_path(compiled, options)
    held = [(str(file.path), file.held_bytes) for file in compiled.sources.files if file.held_bytes]
    planned = planned_metadata(_bound(compiled), compiled.sources)
    adapter = adapter_files(compiled.checked.config)
    single_file = target.name if is_single_file(target) else None
    if adapter is not None:
        if (wrong := wrong_adapter_path(adapter, target)) is not None:
            raise MergecError([wrong])  # the recipe's own path was judged before: this one is given beside it
        planned = {**(planned or {}), **dict(adapter.metadata)}
        single_file = single_file or adapter.weights
    limits = Limits(
        memory=options.memory,
        workers=options.workers or _processors(),
        max_shard_size=compiled.recipe.output.max_shard_size,
        single_file=single_file,
        metadata=planned,
    )
    with _collector_paused():
        return make_plan(optimise(compiled.checked), held, limits)


def _processors() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def target_path(compiled: Compiled, options: Options) -> Path:
    """Where the output goes."""
    return options.out if options.out is not None else compiled.recipe.folder / compiled.recipe.output.path


def copied_files(compiled: Compiled, plan: Plan, options: Options) -> dict[Path, Path]:
    """The files that go beside the weights, by their places in the output, and the folder of each."""
    from mergec.output.side_files import side_file_origins

    side_files = compiled.sources.side_files
    if side_files is None or is_single_file(target_path(compiled, options)):
        return {}
    if adapter_files(plan.config) is not None:
        return {}  # what lies beside a model does not belong to an adapter for it
    return side_file_origins(side_files.folders, plan.config)


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
    from mergec.execute.load_libraries import load_libraries
    from mergec.execute.run_plan import run_plan
    from mergec.lock.build_causes import build_causes, stamps_of
    from mergec.output.ownership import check_target
    from mergec.output.partial_output import PartialOutput
    from mergec.output.reuse import reuse_with, why_nothing
    from mergec.output.saved_permutations import check_saves

    target = target_path(compiled, options)
    side_files = compiled.sources.side_files
    read = _inputs(compiled)
    check_target(target, read, force=options.force, report=report)
    check_saves(plan.matches, read, force=options.force, report=report, output=target)
    report.stop_on_error()
    plan = _with_metadata(plan, compiled)
    with ExitStack() as stack:
        stamps = stamps_of(compiled.sources.files)  # before they are opened: a later change must show
        sources = _opened(compiled, stack)
        is_file = is_single_file(target)
        lock = stack.enter_context(_build_lock(compiled, plan, options))
        lock.start(report)
        output = PartialOutput(target, plan.layout, is_single_file=is_file, is_fresh=options.fresh)
        stack.enter_context(output)
        with inputs_named(compiled.checked, compiled.sources.names):
            old = lock.old_output(target) if not options.fresh else None
            known = lock.known_matches(plan, waits=old is not None) if not options.fresh else {}
            decided = _decided(plan, sources, report, matching, known)
            lock.keep_matches(plan, decided.solutions)
            vectors = [vector.numpy().tobytes() for vector in decided.vectors]
            causes = build_causes(compiled.checked, compiled.sources.files, stamps, vectors)
            keys = lock.keys(plan, decided.solutions, waits=old is not None)
            # Reserving ahead pays while torch loads; copies start at once and would only wait for it.
            kept = output.begin(
                [causes[tensor.name] for tensor in plan.layout.tensors],
                keys=keys,
                old=old,
                copied=lock.copied(plan, keys),
                workers=plan.memory.workers,
                reserve=plan.computes,
                meanwhile=partial(load_libraries, plan),
            )
            none = why_nothing(target, is_fresh=options.fresh)
            reuse = reuse_with(plan.layout, keys or (), old, kept, (), none)
            for number in kept:
                progress(number, plan.layout.tensors[number].nbytes)
            run_plan(plan, sources, output, progress, decided.vectors, kept)
        for source in sources:
            source.check_unchanged()
        copied = copied_files(compiled, plan, options)
        if side_files is not None:
            output.add_side_files(copied, side_files.config, plan.config)
            lock.check_copied(output.path)
        if not is_file:
            output.add_files(_told_beside(compiled, plan, copied, lock.sources()))
        keys = keys or lock.keys(plan, decided.solutions, waits=True)
        lock.check_output(plan, decided.solutions, output.merkle)
        output.publish(index=plan.layout.index, keys=keys)
        lock.remember_copies(plan, keys, {number: one.digest for number, one in output.entries.items()})
        lock.finish(target, plan, decided.solutions, output.merkle, report)
    _warn_of_values(plan, output.not_finite, report)
    return Built(target, decided.solutions, frozenset(known), reuse, lock.contents(), output.remark)


def _warn_of_values(plan: Plan, not_finite: Sequence[int], report: Report) -> None:
    from mergec.execute.errors import OutputNotFinite

    if not_finite:
        first, *others = (plan.layout.tensors[number].name for number in not_finite)
        report.add(OutputNotFinite(tensor=first, more=f" and {len(others)} more" if others else ""))


def _build_lock(compiled: Compiled, plan: Plan, options: Options) -> BuildLock:
    """A build in another place or with other parameters is not what the recipe says, and leaves its lock."""
    from mergec.lock.build_lock import BuildLock

    return BuildLock(
        compiled.path,
        compiled.recipe,
        compiled.sources,
        compiled.checked,
        is_held=options.locked,
        is_written=not options.locked and options.out is None and not compiled.overrides,
        workers=plan.memory.workers,
    )


def solve(compiled: Compiled, plan: Plan, report: Report, matching: MatchProgress | None = None) -> Decided:
    """Find the permutations that a plan needs, and write them where it says.

    Raises:
        MergecError: MC0704 where values to compare are not finite, MC02xx from a source, MC08xx where the
            permutations cannot be written.
    """
    from mergec.execute.differing_inputs import inputs_named
    from mergec.output.saved_permutations import check_saves

    check_saves(plan.matches, _inputs(compiled), force=False, report=report)
    report.stop_on_error()
    with ExitStack() as stack:
        sources = _opened(compiled, stack)
        with inputs_named(compiled.checked, compiled.sources.names):
            decided = _decided(plan, sources, report, matching)
        for source in sources:
            source.check_unchanged()
    return decided


@contextmanager
def tensors_of(compiled: Compiled, model: ModelTable, options: Options) -> Iterator[TensorsInMemory]:
    """The tensors of a model that the output is made of, each computed when it is asked for.

    Raises:
        MergecError: MC0601 when the budget is too small; MC02xx and MC07xx, here or from a tensor.
    """
    from mergec.execute.differing_inputs import inputs_named

    checked = replace(compiled.checked, outputs=tuple(_outputs(compiled.checked, model)))
    plan = make_build_plan(replace(compiled, checked=checked), options)
    with signals_held():
        from mergec.execute.decide import decide  # torch
        from mergec.execute.tensors_in_memory import TensorsInMemory
    with ExitStack() as stack:
        sources = _opened(compiled, stack)
        stack.enter_context(inputs_named(checked, compiled.sources.names))
        yield TensorsInMemory(plan, sources, decide(plan, sources, None).vectors)


def _outputs(checked: CheckedGraph, model: ModelTable) -> Iterator[OutputTensor]:
    """The tensors of a model in the dtypes that they are stored in."""
    for name, entry in model.entries.items():
        value = Tensor(checked.graph, entry.node)
        yield OutputTensor(name, (value.cast(entry.dtype) if entry.dtype.is_float else value).node)


def _bound(compiled: Compiled) -> BoundRecipe:
    return bind(compiled.recipe, Report())  # what there is to say was said when it was compiled


def _with_metadata(plan: Plan, compiled: Compiled) -> Plan:
    """The plan with the digests of sources in the headers, where these tell of them."""
    if compiled.recipe.output.metadata is None:
        return plan
    from mergec.lock.digest_cache import DigestCache, cache_file
    from mergec.lock.source_digests import ReadFile, SourceDigests
    from mergec.provenance.merged_files import merged_metadata
    from mergec.schedule.shard_layout import with_metadata

    files = [ReadFile(file.path, file.identity) for file in compiled.sources.files]
    with SourceDigests(files, DigestCache(cache_file())) as digests:
        digests.start()
        found = [one.sha256 for one in digests.result()]
    adapter = adapter_files(plan.config)
    metadata = merged_metadata(_bound(compiled), compiled.sources, found)
    metadata.update(adapter.metadata if adapter else ())
    return replace(plan, layout=with_metadata(plan.layout, metadata))


def _told_beside(
    compiled: Compiled, plan: Plan, copied: Iterable[Path], locked: Mapping[str, LockedSource]
) -> dict[str, bytes]:
    """The files that mergec writes beside the weights: of an adapter its own, and those on its making."""
    from mergec.provenance.output_files import provenance_files

    names = [place.as_posix() for place in copied]
    adapter = adapter_files(plan.config)
    found = {name: text.encode() for name, text in adapter.files} if adapter else {}
    return {**found, **provenance_files(_bound(compiled), compiled.sources, plan.layout, names, locked)}


def _opened(compiled: Compiled, stack: ExitStack) -> list[ByteSource]:
    from mergec.sources import open_bytes

    return [stack.enter_context(closing(open_bytes(file))) for file in compiled.sources.files]


def _inputs(compiled: Compiled) -> list[Path]:
    """The files and folders that a build reads."""
    side_files = compiled.sources.side_files
    folders = [folder.path for folder in side_files.folders] if side_files is not None else []
    return [*(file.path for file in compiled.sources.files), *folders]


def _decided(
    plan: Plan,
    sources: Sequence[ByteSource],
    report: Report,
    matching: MatchProgress | None,
    known: Mapping[int, Solution] | None = None,
) -> Decided:
    from mergec.execute.decided import NOTHING_DECIDED

    if not plan.decisions:
        return NOTHING_DECIDED
    with signals_held():
        from mergec.execute.decide import cautions, decide  # torch and scipy
    from mergec.output.saved_permutations import save_permutations

    decided = decide(plan, sources, matching, known)
    report.extend(cautions(plan.matches, decided.solutions))
    save_permutations(plan.matches, decided.solutions)
    return decided
