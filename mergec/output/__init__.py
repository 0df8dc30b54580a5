"""Stage 8 of 8: output. Takes: bytes. Gives: a checkpoint on disk. Errors: MC08xx."""
