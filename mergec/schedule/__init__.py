"""Stage 6 of 8: schedule. Takes: CheckedGraph. Gives: Plan. Errors: MC06xx."""
