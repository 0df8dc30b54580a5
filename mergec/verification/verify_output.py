"""The verification of an output, from first to last."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

from mergec.diagnostics import MergecError, Report
from mergec.ir.numerics import NUMERICS
from mergec.lock.errors import LockMissing
from mergec.lock.lock_file import read_lock, read_lock_at
from mergec.lock.recipe_lock import RecipeState, check_locked
from mergec.pipeline import compile_recipe, make_build_plan
from mergec.verification.against_promises import examine, open_examined
from mergec.verification.sample import sampled
from mergec.verification.told import diagnostics, findings
from mergec.verification.verified import Verified

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mergec.lock.lock_file import Lock
    from mergec.pipeline import Compiled, Options
    from mergec.verification.against_promises import Examined
    from mergec.verification.rebuild import Rebuilt


@dataclass(frozen=True, slots=True)
class Request:
    """What an output is to be held against.

    Its manifest always counts, and the lock at `lock`, or else that of the `recipe`. With `rebuild`, all
    tensors are computed again from the recipe, with a `sample` so many, which `seed` chooses; `allow_plugins`
    lets its plugins be run for that.
    """

    recipe: Path | None = None
    overrides: Mapping[str, str] = field(default_factory=dict)
    lock: Path | None = None
    rebuild: bool = False
    sample: int | None = None
    seed: int = 0
    allow_plugins: bool = False

    @property
    def rebuilds(self) -> bool:
        """Whether anything is computed again."""
        return self.rebuild or self.sample is not None


class Watch(Protocol):
    """Is told how far a verification is."""

    def begin(self, total: int) -> None:
        """So many bytes will be read of the output, or computed."""

    def advance(self, nbytes: int) -> None:
        """So many more have been; called from any thread."""


class _Nobody:
    def begin(self, total: int) -> None:
        """Nobody wants to know."""

    def advance(self, nbytes: int) -> None:
        """Nobody wants to know."""


def verify_output(path: Path, request: Request, options: Options, watch: Watch | None = None) -> Verified:
    """Hold the output at a path against what is promised of it. What differs is told by the result.

    Raises:
        MergecError: there is nothing to verify or to hold it against (MC088x, MC089x), a lock cannot be used
            or is stale (MC085x), the recipe or its sources are at fault.
    """
    report = Report()
    watch = watch or _Nobody()
    lock = _lock(request)
    examined = open_examined(path, lock, report, is_rebuilt=request.rebuilds)
    if not request.rebuilds:
        watch.begin(examined.output.nbytes)
        examine(examined, None, options.workers or os.cpu_count() or 1, watch.advance)
        return _verified(examined, None, report)
    assert request.recipe is not None
    compiled = compile_recipe(request.recipe, request.overrides, report, allow_plugins=request.allow_plugins)
    rebuilt = _rebuilt(compiled, examined, request, replace(options, out=path), watch)
    return _verified(examined, rebuilt, report)


def _lock(request: Request) -> Lock | None:
    if request.lock is not None:
        return read_lock_at(request.lock)
    if request.recipe is None or request.overrides:
        return None  # with other parameters it is not what the lock of the recipe tells of
    try:
        return read_lock(request.recipe)
    except MergecError as error:
        if request.rebuilds and isinstance(error.errors[0], LockMissing):
            return None
        raise


def _rebuilt(
    compiled: Compiled, examined: Examined, request: Request, options: Options, watch: Watch
) -> Rebuilt | None:
    """Compute again what is asked for, unless headers and files are other than promised."""
    from mergec.verification.rebuild import check_layout, rebuild  # numpy, and later torch

    recipe, lock = request.recipe, examined.lock
    assert recipe is not None
    plan = make_build_plan(compiled, options)
    if not any(examined.faults):
        check_layout(plan, examined.output, str(recipe))
    made = {tensor.name: tensor.nbytes for tensor in plan.layout.tensors}
    names = sampled(made, request.sample, request.seed) if request.sample is not None else None
    is_known = lock is not None and _check_sources(recipe, compiled, lock, reads=False)
    watch.begin(2 * sum(made[name] for name in (made if names is None else names)))
    examine(examined, names, plan.memory.workers, watch.advance)
    if any(examined.faults):
        return None
    found = {name: one.found for name, one in lock.model.decisions.items() if one.found} if lock else {}
    unknown = None if is_known else lock
    try:
        rebuilt = rebuild(compiled, plan, examined.output, names, found, lambda _, n: watch.advance(n))
    except MergecError:
        if unknown is not None:
            _check_sources(recipe, compiled, unknown, reads=True)  # why it fails now, if it did not once
        raise
    # Of a sample, the sources are read as a whole only to tell why something differs.
    if unknown is not None and (rebuilt.other or request.rebuild):
        _check_sources(recipe, compiled, unknown, reads=True)
    return rebuilt


def _check_sources(recipe: Path, compiled: Compiled, lock: Lock, *, reads: bool) -> bool:
    """Make sure that a lock still holds, if the digests of sources are known or they may be read for that.

    Raises:
        MergecError: MC0855, and MC02xx from a source.
    """
    with RecipeState(recipe, compiled.recipe, compiled.sources, compiled.checked) as state:
        state.start()
        if not (reads or state.is_known):
            return False
        check_locked(lock, state.model)
        return True


def _verified(examined: Examined, rebuilt: Rebuilt | None, report: Report) -> Verified:
    output, claims = examined.output, examined.claims
    other = rebuilt.other if rebuilt is not None else {}
    notes: tuple[str, ...] = ()
    if claims is not None and claims.numerics not in {None, NUMERICS}:
        notes = (f"it was computed by version {claims.numerics} of the arithmetic, and this is {NUMERICS}",)
    report.extend(diagnostics(examined, other, notes))
    witnesses = {"manifest": claims, "lock": examined.lock, "recipe": rebuilt}
    files = claims.files if claims is not None else {one.file for one in output.tensors.values()}
    return Verified(
        path=output.path,
        tensors=len(output.tensors),
        nbytes=output.nbytes,
        files=len(files),
        witnesses=tuple(name for name, one in witnesses.items() if one is not None),
        hashed=len(examined.hashed),
        merkle=examined.merkle,
        rebuilt=rebuilt.tensors if rebuilt is not None else 0,
        tolerated=rebuilt.tolerated if rebuilt is not None else 0,
        findings=tuple(findings(examined, other)),
        diagnostics=report.diagnostics,
    )
