"""Checked graph to plan, and where what it makes goes."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from mergec.diagnostics import MergecError
from mergec.ir.config_edit import adapter_files
from mergec.lower.adapter_output import wrong_adapter_path
from mergec.pipeline.compiling import collector_paused
from mergec.recipe.recipe_model import is_single_file

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from mergec.ir.plan import Plan
    from mergec.pipeline.compiling import Compiled
    from mergec.pipeline.options import Options


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
    planned = planned_metadata(compiled.bound, compiled.sources)
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
    with collector_paused():
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


def with_metadata(plan: Plan, compiled: Compiled) -> Plan:
    """The plan with the digests of sources in the headers, where these tell of them.

    Raises:
        MergecError: MC02xx from a source.
    """
    if compiled.recipe.output.metadata is None:
        return plan
    from mergec.lock.digest_cache import DigestCache, cache_file
    from mergec.lock.source_digests import ReadFile, SourceDigests

    files = [ReadFile(file.path, file.identity) for file in compiled.sources.files]
    with SourceDigests(files, DigestCache(cache_file())) as digests:
        digests.start()
        found = [one.sha256 for one in digests.result()]
    return _with_digests(plan, compiled, found)


def with_known_metadata(plan: Plan, compiled: Compiled, contents: Mapping[Path, str]) -> Plan:
    """As `with_metadata`, where nothing may be read: `contents` are the SHA-256 that are known.

    The plan stays as it is while one is missing.
    """
    files = [file.path for file in compiled.sources.files]
    if compiled.recipe.output.metadata is None or not all(path in contents for path in files):
        return plan
    return _with_digests(plan, compiled, [contents[path] for path in files])


def _with_digests(plan: Plan, compiled: Compiled, found: Sequence[str]) -> Plan:
    from mergec.provenance.merged_files import merged_metadata
    from mergec.schedule import shard_layout

    adapter = adapter_files(plan.config)
    metadata = merged_metadata(compiled.bound, compiled.sources, found)
    metadata.update(adapter.metadata if adapter else ())
    return replace(plan, layout=shard_layout.with_metadata(plan.layout, metadata))
