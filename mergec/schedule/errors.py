"""Diagnostics of the schedule stage: what does not fit. MC06xx."""

from __future__ import annotations

from mergec.diagnostics import Diagnostic, ExitCode, diagnostic


@diagnostic(
    "MC0601",
    "the build needs {needed} of memory and may use {budget}",
    exit_code=ExitCode.RESOURCES,
)
class BudgetTooSmall(Diagnostic):
    """Even one worker with the smallest tiles needs more than the memory budget.

    The budget (`--memory`, 1 GiB when not given) covers what mergec needs above the interpreter and
    its libraries: tiles, tensors that must be held whole, and the compiler's own tables. The message
    names the tensor or file that sets the need.
    """

    needed: str
    budget: str
