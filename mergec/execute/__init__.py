"""Stage 7 of 8: execute. Takes: Plan. Gives: tensor bytes. Errors: MC07xx."""
