"""Stage 3 of 8: lower. Takes: Recipe and SourceTable. Gives: LoweredRecipe. Errors: MC03xx."""
