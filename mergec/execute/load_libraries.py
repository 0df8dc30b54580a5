"""What computes, loaded while the caller waits for something else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mergec.diagnostics.held_signals import signals_held

if TYPE_CHECKING:
    from collections.abc import Collection

    from mergec.ir.plan import Plan


def load_libraries(plan: Plan, made: Collection[int]) -> None:
    """Load what `run_plan` needs to make these tensors of a plan: nothing, where all of them are copied."""
    if any(region.tensor in made and not region.is_copy for region in plan.regions):
        with signals_held():
            import mergec.execute.tile_computer  # noqa: F401  # torch
