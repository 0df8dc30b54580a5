"""A plan with everything that people and machines are told about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mergec.cli.plan_matches import MatchFacts, match_facts
from mergec.cli.plan_sources import SourceFacts, source_facts
from mergec.cli.plan_tensors import Action, TensorAction, tensor_actions
from mergec.ir.primitive import Reproducibility
from mergec.pipeline import copied_files, target_path

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from mergec.diagnostics import Diagnostic
    from mergec.ir.graph import Remark
    from mergec.ir.plan import Plan
    from mergec.pipeline import Compiled, Options


@dataclass(frozen=True, slots=True)
class PlanFacts:
    """What a build would do. `shown` are the tensors that the user asked for, `tensors` all.

    `copied` are the files beside the weights, by the folder that they come from.
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
    warnings: tuple[Diagnostic, ...]

    def count(self, *actions: Action) -> int:
        """How many tensors come about in one of these ways."""
        return sum(tensor.action in actions for tensor in self.tensors)

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
    return PlanFacts(
        recipe=recipe,
        target=target_path(compiled, options),
        plan=plan,
        sources=tuple(source_facts(compiled.sources)),
        matches=tuple(match_facts(compiled.checked, plan)),
        tensors=tensors,
        shown=tuple(tensor for tensor in tensors if is_shown(tensor.placed.name)),
        remarks=compiled.checked.remarks,
        copied=_by_folder(copied_files(compiled, plan, options)),
        warnings=warnings,
    )


def _by_folder(origins: Mapping[Path, Path]) -> dict[str, tuple[str, ...]]:
    folders = dict.fromkeys(map(str, origins.values()), ())
    return {
        folder: tuple(str(file) for file, origin in origins.items() if str(origin) == folder)
        for folder in folders
    }
