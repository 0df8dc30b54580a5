"""What aligning with one worker takes its time for: `python align_parts.py RECIPE OUTPUT MEMORY` as JSON."""

import json
import sys
from pathlib import Path
from typing import Final

import mergec.execute.run_plan
from mergec.api import load
from mergec.execute.streamed_operand import StreamedOperand
from mergec.symmetries.matching import gram, nested, screening, solve_cluster, sparse_assignment
from mergec.symmetries.matching.rough_products import RoughProducts
from mergec.symmetries.matching.waiting_factors import WaitingFactors

sys.path.insert(0, str(Path(__file__).parents[1]))
from benchmarks.stopwatch import Functions, Stopwatch

TIMED: Final[dict[str, Functions]] = {
    "reading": ((StreamedOperand, "rows"),),
    "inner products": (
        (gram.TermGram, "_add_product"),
        (WaitingFactors, "multiply"),
        (RoughProducts, "multiply"),
        (RoughProducts, "norms_and_matches"),
    ),
    "assignments": (
        (solve_cluster, "assign"),
        (sparse_assignment, "assign_sparse"),
        (nested.InnerSolver, "solve"),
        (screening, "_argmax"),
        (screening, "_margins"),
    ),
    "writing": ((mergec.execute.run_plan, "run_plan"),),
}
REST: Final = "the rest"


def main(recipe: str, output: str, memory: str) -> None:
    """Build with one worker and print the seconds as JSON."""
    watch = Stopwatch(TIMED)
    build = watch.timed(
        REST, lambda: load(recipe).build(out=output, memory=memory, workers=1, force=True, fresh=True)
    )
    build()
    print(json.dumps({name: watch.seconds[name] for name in (*TIMED, REST)}))


if __name__ == "__main__":
    main(*sys.argv[1:])
