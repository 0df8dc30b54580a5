"""Stage 4 of 8: check. Takes: LoweredRecipe. Gives: CheckedGraph. Errors: MC04xx, MC0325."""
