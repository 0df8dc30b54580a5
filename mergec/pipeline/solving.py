"""The permutations that a plan needs, found and written."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from mergec.diagnostics.held_signals import signals_held

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mergec.diagnostics import Report
    from mergec.execute.decide import MatchProgress
    from mergec.execute.decided import Decided
    from mergec.ir.plan import Plan
    from mergec.pipeline.compiling import Compiled
    from mergec.sources.byte_source import ByteSource
    from mergec.symmetries.matching.solution import Solution


def solve(compiled: Compiled, plan: Plan, report: Report, matching: MatchProgress | None = None) -> Decided:
    """Find the permutations that a plan needs, and write them where it says.

    Raises:
        MergecError: MC0704 where values to compare are not finite, MC02xx from a source, MC08xx where the
            permutations cannot be written.
    """
    from mergec.execute.differing_inputs import inputs_named
    from mergec.output.saved_permutations import check_saves

    check_saves(plan.matches, compiled.inputs, force=False, report=report)
    report.stop_on_error()
    with ExitStack() as stack:
        sources = compiled.opened(stack)
        with inputs_named(compiled.checked, compiled.sources.names):
            found = decided(plan, sources, report, matching)
        for source in sources:
            source.check_unchanged()
    return found


def decided(
    plan: Plan,
    sources: Sequence[ByteSource],
    report: Report,
    matching: MatchProgress | None,
    known: Mapping[int, Solution] | None = None,
) -> Decided:
    """What the decisions of a plan come to; permutations are written. `known` matches are not solved again.

    Raises:
        MergecError: as `solve`.
    """
    from mergec.execute.decided import NOTHING_DECIDED

    if not plan.decisions:
        return NOTHING_DECIDED
    with signals_held():
        from mergec.execute.decide import cautions, decide
    from mergec.output.saved_permutations import save_permutations

    found = decide(plan, sources, matching, known)
    report.extend(cautions(plan.matches, found.solutions))
    save_permutations(plan.matches, found.solutions)
    return found
