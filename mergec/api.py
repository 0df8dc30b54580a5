"""The Python interface: what the command line does, without printing or exiting."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from mergec.diagnostics import Diagnostic, MergecError, Report
from mergec.ir.byte_size import parse_size
from mergec.pipeline import (
    DEFAULT_MEMORY,
    Compiled,
    Options,
    build,
    compile_recipe,
    make_build_plan,
)
from mergec.recipe.recipe_model import safetensors_path
from mergec.verification.verify_output import Request, verify_output

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mergec.ir.plan import Plan
    from mergec.symmetries.matching.solution import Solution
    from mergec.verification.verified import Verified


def load(
    path: str | Path, *, params: Mapping[str, object] | None = None, allow_plugins: bool = False
) -> LoadedRecipe:
    """A recipe to check, plan or build. Nothing is read before one of these is called.

    `params` overrides the recipe's parameters, as `--set` does; `allow_plugins` lets the Python files that
    the recipe names under `plugins` be run.
    """
    given = {name: str(value) for name, value in (params or {}).items()}
    return LoadedRecipe(Path(path), given, allow_plugins=allow_plugins)


@dataclass(frozen=True, slots=True)
class BuildResult:
    """A finished build. `solutions` tell what each of the plan's matches found."""

    path: Path
    plan: Plan
    warnings: tuple[Diagnostic, ...]
    solutions: tuple[Solution, ...] = ()


@dataclass(slots=True)
class LoadedRecipe:
    """A recipe file. Every method raises MergecError, whose `diagnostics` say what is wrong."""

    path: Path
    params: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[Diagnostic, ...] = ()
    allow_plugins: bool = False

    def check(self) -> Compiled:
        """Compile and type-check from headers only; `warnings` then holds what is merely odd.

        Raises:
            MergecError: when anything is wrong.
        """
        report = Report()
        compiled = compile_recipe(self.path, self.params, report, allow_plugins=self.allow_plugins)
        self.warnings = report.diagnostics
        return compiled

    def plan(
        self, *, memory: str | int = DEFAULT_MEMORY, workers: int = 0, out: str | Path | None = None
    ) -> Plan:
        """What a build would do, and the proof that it fits.

        `memory` is a size such as "2GiB" or a number of bytes, `workers` a number of threads, of which
        0 means one per processor.

        Raises:
            MergecError: when anything is wrong, or the budget is too small.
            ValueError: when an argument is no size, no number of threads or no path.
        """
        options = _options(memory, workers, out)
        return make_build_plan(self.check(), options)

    def build(
        self,
        *,
        out: str | Path | None = None,
        memory: str | int = DEFAULT_MEMORY,
        workers: int = 0,
        force: bool = False,
        fresh: bool = False,
        locked: bool = False,
        progress: Callable[[int, int], None] = lambda _tensor, _bytes: None,
    ) -> BuildResult:
        """Write the checkpoint. `progress` is called from workers with (tensor number, bytes written).

        What an earlier build left is used, unless this one is to be `fresh`. The recipe's lock is written
        anew, unless `out` or parameters are given; with `locked` it must hold instead.

        Raises:
            MergecError: when anything is wrong; the output path then is as it was before.
            ValueError: when an argument is no size, no number of threads or no path.
        """
        options = replace(_options(memory, workers, out), force=force, fresh=fresh, locked=locked)
        compiled = self.check()
        report = Report()
        plan = make_build_plan(compiled, options)
        built = build(compiled, plan, options, report, progress)
        return BuildResult(built.path, plan, (*self.warnings, *report.diagnostics), built.solutions)


def verify(  # noqa: PLR0913  # as many as the command has options
    out: str | Path,
    *,
    recipe: str | Path | None = None,
    params: Mapping[str, object] | None = None,
    lock: str | Path | None = None,
    rebuild: bool = False,
    sample: int | None = None,
    seed: int = 0,
    memory: str | int = DEFAULT_MEMORY,
    workers: int = 0,
    allow_plugins: bool = False,
) -> Verified:
    """Hold an output against its manifest and, where one is named, a lock or that of a recipe.

    With `rebuild`, all tensors are computed again from the recipe and compared, with `sample` so many, which
    `seed` chooses; `allow_plugins` lets the recipe's plugins be run for that. Nothing is written.

    Raises:
        MergecError: something differs (its exit code is 4), or cannot be verified.
        ValueError: when an argument is no size or number, or what is to be computed again has no recipe.
    """
    if (rebuild or sample is not None) and recipe is None:
        raise ValueError("rebuild and sample need the recipe")
    if rebuild and sample is not None:
        raise ValueError("choose one of rebuild and sample")
    if sample is not None and not _is_whole(sample, at_least=1):
        raise ValueError(f"sample: expected a number of tensors, found {sample!r}")
    request = Request(
        Path(recipe) if recipe is not None else None,
        {name: str(value) for name, value in (params or {}).items()},
        Path(lock) if lock is not None else None,
        rebuild,
        sample,
        seed,
        allow_plugins,
    )
    verified = verify_output(Path(out), request, _options(memory, workers, None))
    if not verified.is_as_promised:
        raise MergecError(verified.diagnostics)
    return verified


def _options(memory: str | int, workers: int, out: str | Path | None) -> Options:
    size = parse_size(memory) if isinstance(memory, str) else memory
    if not _is_whole(size, at_least=1):
        raise ValueError(f"memory: expected a size such as '2GiB' or a number of bytes, found {memory!r}")
    if not _is_whole(workers, at_least=0):
        raise ValueError(f"workers: expected a number of threads (0: one per processor), found {workers!r}")
    if out is not None and (not str(out) or "\0" in str(out)):
        raise ValueError(f"out: expected a path, found {str(out)!r}")
    target = Path(safetensors_path(str(out))) if out is not None else None
    return Options(memory=size, workers=workers, out=target)


def _is_whole(value: object, *, at_least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= at_least
