"""Stage 5 of 8: optimise. Takes: CheckedGraph. Gives: CheckedGraph. Errors: none, every pass is exact."""

from mergec.optimise.passes import PASSES, optimise

__all__ = ["PASSES", "optimise"]
