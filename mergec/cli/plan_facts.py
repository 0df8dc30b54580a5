"""A plan with everything that people and machines are told about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mergec.cli.plan_matches import MatchFacts, match_facts
from mergec.cli.plan_sources import SourceFacts, source_facts
from mergec.cli.plan_tensors import Action, TensorAction, tensor_actions
from mergec.cli.reuse.former_build import read_former_build
from mergec.cli.reuse.why_made import MadeAlike, why_made
from mergec.diagnostics import Report
from mergec.ir.config_edit import adapter_files
from mergec.ir.primitive import Reproducibility
from mergec.lock.digest_cache import DigestCache, cache_file
from mergec.lock.foreseen_reuse import foreseen_reuse, known_contents
from mergec.lower.bind import bind
from mergec.output.manifest import NAME as MANIFEST
from mergec.pipeline import copied_files, target_path, with_known_metadata
from mergec.provenance.output_files import provenance_names
from mergec.recipe.recipe_model import is_single_file
from mergec.verification.output_on_disk import INDEX

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from mergec.diagnostics import Diagnostic
    from mergec.ir.graph import Remark
    from mergec.ir.plan import Plan
    from mergec.output.reuse import Reuse
    from mergec.pipeline import Compiled, Options


@dataclass(frozen=True, slots=True)
class PlanFacts:
    """What a build would do. `shown` are the tensors that the user asked for, `tensors` all.

    `copied` are the files beside the weights, by the folder that they come from, and `written` those that
    tell of the output. `made` says why tensors are not in `reuse`.
    """

    recipe: Path
    target: Path
    plan: Plan
    sources: tuple[SourceFacts, ...]
    matches: tuple[MatchFacts, ...]
    tensors: tuple[TensorAction, ...]
    shown: tuple[TensorAction, ...]
    remarks: tuple[Remark, ...]
    copied: Mapping[str, tuple[str, ...]]
    written: tuple[str, ...]
    reuse: Reuse
    made: tuple[MadeAlike, ...]
    warnings: tuple[Diagnostic, ...]

    def count(self, *actions: Action) -> int:
        """How many tensors come about in one of these ways."""
        return sum(tensor.action in actions for tensor in self.tensors)

    @property
    def has_something_there(self) -> bool:
        """Whether there is an output, or what a stopped build left of one."""
        return self.reuse.old is not None or bool(self.reuse.kept) or self.target.exists()

    @property
    def reproducibility(self) -> Reproducibility:
        """What can be promised for all tensors."""
        classes = [tensor.placed.reproducibility for tensor in self.tensors]
        return max(classes, key=lambda one: one.value, default=Reproducibility.R0)


def plan_facts(
    recipe: Path,
    compiled: Compiled,
    plan: Plan,
    options: Options,
    warnings: tuple[Diagnostic, ...],
    is_shown: Callable[[str], bool],
) -> PlanFacts:
    """Put the facts together."""
    tensors = tuple(tensor_actions(compiled.checked, plan))
    target = target_path(compiled, options)
    reuse, contents = _foreseen(compiled, plan, target)
    former = read_former_build(target, recipe)
    return PlanFacts(
        recipe=recipe,
        target=target,
        plan=plan,
        sources=tuple(source_facts(compiled.sources)),
        matches=tuple(match_facts(compiled.checked, plan)),
        tensors=tensors,
        shown=tuple(tensor for tensor in tensors if is_shown(tensor.placed.name)),
        remarks=compiled.checked.remarks,
        copied=_by_folder(copied_files(compiled, plan, options)),
        written=_written(compiled, plan, target),
        reuse=reuse,
        made=tuple(why_made(reuse, former, compiled, plan, contents)),
        warnings=warnings,
    )


def _foreseen(compiled: Compiled, plan: Plan, target: Path) -> tuple[Reuse, Mapping[Path, str]]:
    """What a build would find there, and the digests of weight files that are known."""
    files, cache = compiled.sources.files, DigestCache(cache_file())
    # Headers that tell of sources also tell for which build it is that a stopped one has left something.
    is_needed = target.exists() or compiled.recipe.output.metadata is not None
    contents = known_contents(files, cache) if is_needed else {}
    plan = with_known_metadata(plan, compiled, contents)
    return foreseen_reuse(compiled.checked, files, plan, target, contents, cache), contents


def _written(compiled: Compiled, plan: Plan, target: Path) -> tuple[str, ...]:
    """The files that a build adds to those that it copies and to the weights."""
    if is_single_file(target):
        return ()
    index = [INDEX] if plan.layout.index is not None else []
    adapter = adapter_files(plan.config)
    told = [name for name, _ in adapter.files] if adapter else []
    return tuple(sorted([*provenance_names(bind(compiled.recipe, Report())), *told, *index, MANIFEST]))


def _by_folder(origins: Mapping[Path, Path]) -> dict[str, tuple[str, ...]]:
    folders = dict.fromkeys(map(str, origins.values()), ())
    return {
        folder: tuple(str(file) for file, origin in origins.items() if str(origin) == folder)
        for folder in folders
    }
