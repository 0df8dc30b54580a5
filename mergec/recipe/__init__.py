"""Stage 1 of 8: recipe. Takes: text. Gives: Recipe. Errors: MC01xx."""
