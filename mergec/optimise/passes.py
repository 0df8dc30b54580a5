"""The passes, in the order in which they run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mergec.optimise.drop_weights import drop_weights
from mergec.optimise.fold_casts import fold_casts
from mergec.optimise.hoist_layout import hoist_layout

if TYPE_CHECKING:
    from collections.abc import Callable

    from mergec.ir.graph import CheckedGraph

# Common subexpressions and dead nodes need no pass: the graph never holds the first, and every
# rewrite leaves the second behind. The last pass is the only one that is needed: schedule/ streams what
# is below the joins and views of an output, and holds whole what is below any other.
PASSES: tuple[Callable[[CheckedGraph], CheckedGraph], ...] = (drop_weights, fold_casts, hoist_layout)


def optimise(checked: CheckedGraph) -> CheckedGraph:
    """The graph after all passes: the same bytes for less work."""
    for run in PASSES:
        checked = run(checked)
    return checked
