"""Diagnostics about mergec itself: MC09xx."""

from __future__ import annotations

from mergec.diagnostics.diagnostic import Diagnostic, ExitCode, diagnostic


@diagnostic("MC0901", "a fault of mergec itself: {problem}", exit_code=ExitCode.INTERNAL)
class InternalFault(Diagnostic):
    """mergec met a situation that its authors did not foresee. Your recipe may be right or wrong.

    The output path is as it was before. Please report it: the recipe, the whole command and what it
    printed with `-v` are what is needed to find the cause; no weights are.
    """

    problem: str


@diagnostic("MC0902", "the system has no more memory to give", exit_code=ExitCode.RESOURCES)
class OutOfMemory(Diagnostic):
    """Memory ran out although the plan kept to its budget.

    `--memory` bounds what mergec uses above the interpreter and its libraries; other programs, or the
    limit of a container, left less than that. Give a smaller `--memory` or fewer `--workers`, or free
    some memory. The output path is as it was before.
    """

    help: str | None = "give a smaller `--memory`, or free some memory"
