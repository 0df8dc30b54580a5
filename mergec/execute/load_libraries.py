"""What computes, loaded while the caller waits for something else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mergec.diagnostics.held_signals import signals_held
from mergec.execute.needs_torch import needs_torch

if TYPE_CHECKING:
    from collections.abc import Collection

    from mergec.ir.plan import Plan


def load_libraries(plan: Plan, made: Collection[int]) -> None:
    """Load what `run_plan` needs to make these tensors of a plan: nothing, where all of them are copied."""
    regions = [region for region in plan.regions if region.tensor in made and not region.is_copy]
    if not regions:
        return
    with signals_held():
        if needs_torch(regions):
            import mergec.execute.tile_computer  # torch
        else:
            import mergec.execute.numpy_computer  # noqa: F401
